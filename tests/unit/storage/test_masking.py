"""No password of a Redis or a broker is in what Celery tells of our settings."""

from typing import Any

import pytest
from celery.app.defaults import SETTING_KEYS
from kombu import Connection

from notifier.storage.broker import create_app
from notifier.storage.masking import MASK, masked
from tests.no_secrets import assert_no_secrets

SECRET = "fake-token-p%40ss"
URLS = (
    f"redis://user:{SECRET}@host:1/0",
    f"rediss://:{SECRET}@[::1]:1/0?ssl_ca_certs=/a",
    f"redis+socket://:{SECRET}@/run/redis.sock?virtual_host=1",
    f"sentinel://:{SECRET}@one:1/0;sentinel://:{SECRET}@two:1/0?sentinel_password={SECRET}&master_name=m",
    f"amqp://user:raw@{SECRET}@host:5672//",
    "amqp://user:fake-token-p'w@one:5672//;amqp://user:fake-token-p\"w@host:5672//",
)
OPTIONS = {"sentinel_kwargs": {"password": SECRET, "hosts": [{"sentinel_password": SECRET}]}, "master_name": "m"}


@pytest.mark.parametrize("url", URLS)
def test_no_setting_of_celerys_shows_the_password_of_a_url(url: str) -> None:
    app = create_app("ours")
    for name in (
        "broker_url",
        "broker_read_url",
        "broker_write_url",
        "result_backend",
        "cache_backend",
        "broker_failover",
    ):
        app.conf[name] = url
    for name in SETTING_KEYS - {"result_backend", "timezone"}:
        if app.conf.get(name) is None:
            app.conf[name] = url
    app.conf.update(broker_transport_options=OPTIONS, result_backend_transport_options=OPTIONS)
    shown = {"conf": repr(app.conf.table(with_defaults=True)), "report": app.bugreport()}
    assert "host" in shown["conf"] or "one" in shown["conf"]
    assert "results:" in shown["report"]
    assert_no_secrets(texts=shown)


def test_the_settings_themselves_keep_their_passwords() -> None:
    app = create_app("ours")
    app.conf.update(result_backend=URLS[0], broker_transport_options=OPTIONS)
    assert app.conf.result_backend == app.conf.table(censored=False)["result_backend"] == URLS[0]
    assert app.conf.broker_transport_options == OPTIONS


@pytest.mark.parametrize("url", URLS)
def test_nor_does_what_a_connection_tells_of_itself(url: str) -> None:
    connection = Connection(url.partition("?")[0], transport_options=OPTIONS, alternates=[url])
    assert_no_secrets(texts={"stats": repr(masked({"broker": connection.info()}))})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        (f"redis://user:{SECRET}@host/0", f"redis://user:{MASK}@host/0"),
        (f"redis://host/0?db=1&password={SECRET}&x=1", f"redis://host/0?db=1&password={MASK}&x=1"),
        ("mail: a@b, c:d@e", "mail: a@b, c:d@e"),
        ({"password": None, "compass": 1}, {"password": None, "compass": 1}),
        ((1, ["a"]), [1, ["a"]]),
    ],
)
def test_what_is_no_password_stays(value: Any, shown: Any) -> None:
    assert masked(value) == shown
