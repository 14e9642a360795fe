"""Every form of ``REDIS_URL`` works for all that connect: application, worker, results, ``check`` and Flower."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import RunPython
from tests.e2e.flower import Flower
from tests.no_secrets import assert_no_secrets
from tests.secured_redis import (
    DEFAULT_LOGIN,
    LOGIN,
    MASTER_NAME,
    PASSWORD,
    SENTINEL_PASSWORD,
    USER,
    Certificates,
    SecuredRedis,
    TlsSentinel,
    missing_for_tls,
)
from tests.servers import until

PROGRAM = """
from tasks import send_notification
print(send_notification.delay(title="T").get(timeout=60)["status"])
from notifier.cli import main
main(["check", "--json"])
"""
SHOWN_SETTINGS = """
import sys
from tasks import app
asked = app.control.inspect(timeout=30, limit=1)  # it waits no longer than for one answer
answers = {name: getattr(asked, name)() for name in ("conf", "stats", "report")}
assert all(answers.values()), "a worker has answered"
answers["all"] = asked.conf(with_defaults=True)
print(answers, app.bugreport(), app.conf.humanize(), file=sys.stderr)
"""
FLOWER_PAGES = ("/", "/broker", "/tasks", "/api/workers?refresh=1", "/api/workers")
OPTIONS = (
    "client_name=alerts&socket_timeout=3&socket_keepalive=true&health_check_interval=10&max_connections=30&protocol=2"
)
GARBAGE = """
from tasks.celery import pipeline
pipeline.redis.lpush("notifications.general", "garbage")
"""
FORMS = {
    "tcp": f"redis://{LOGIN}127.0.0.1:{{port}}/2?{OPTIONS}",
    "unix": f"unix://{DEFAULT_LOGIN}{{socket}}?client_name=alerts",
    "redis+socket": f"redis+socket://{LOGIN}{{socket}}?virtual_host=3",
    "tls": f"rediss://{LOGIN}127.0.0.1:{{tls_port}}/0",
    "tls, unchecked": f"rediss://{DEFAULT_LOGIN}localhost:{{tls_port}}/1?ssl_cert_reqs=CERT_NONE",
    "tls, another name": f"rediss://{DEFAULT_LOGIN}localhost:{{tls_port}}?ssl_ca_certs={{ca}}&ssl_check_hostname=false",
    "tls, both certified": (
        f"rediss://{LOGIN}127.0.0.1:{{tls_port}}/1"
        "?ssl_cert_reqs=required&ssl_ca_certs={ca}&ssl_certfile={certificate}&ssl_keyfile={key}"
    ),
    "sentinel, tls": (
        f"sentinel://{LOGIN}127.0.0.1:{{sentinel_port}}/0?master_name={MASTER_NAME}"
        f"&sentinel_password={SENTINEL_PASSWORD}&ssl=true&ssl_ca_certs={{ca}}"
    ),
}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates | None:
    """Where this machine can make and use them."""
    return None if missing_for_tls() else Certificates(tmp_path_factory.mktemp("tls") / "certificates")


@pytest.fixture(scope="module")
def secured(
    certificates: Certificates | None, tmp_path_factory: pytest.TempPathFactory, own_environment: None
) -> Iterator[SecuredRedis]:
    """A Redis that listens in every way."""
    password = sha256(PASSWORD.encode()).hexdigest()
    rights = "~* &* +@all"
    users = [f"default on #{password} {rights}", f'"{USER}" on #{password} {rights}']
    own = SecuredRedis(tmp_path_factory.mktemp("secured") / "redis", certificates, users=users)
    yield own
    own.stop()


@pytest.fixture
def url(
    request: pytest.FixtureRequest, secured: SecuredRedis, certificates: Certificates | None, tmp_path: Path
) -> Iterator[str]:
    """The URL of one form; the servers that it needs are there."""
    form: str = FORMS[request.param]
    secured.admin.flushall()
    places: dict[str, Any] = {"port": secured.port, "socket": secured.socket}
    sentinel = None
    if "tls" in request.param:
        if certificates is None:
            pytest.skip(str(missing_for_tls()))
        secured.admin.config_set("tls-auth-clients", "yes" if "both" in request.param else "no")
        places |= {"tls_port": secured.tls_port, "ca": certificates.authority}
        places |= {"certificate": certificates.path("client.crt"), "key": certificates.path("client.key")}
    if "sentinel" in request.param:
        assert certificates is not None
        sentinel = TlsSentinel(tmp_path / "sentinel", certificates, secured.tls_port)
        places["sentinel_port"] = sentinel.port
    yield form.format_map(places)
    if sentinel:
        sentinel.stop()


@pytest.fixture
def trusted(certificates: Certificates | None) -> dict[str, str]:
    """An environment in which the system trusts our authority, as a plain ``rediss://`` expects it."""
    return {"SSL_CERT_FILE": str(certificates.authority)} if certificates else {}


def names_of_clients(secured: SecuredRedis) -> set[str]:
    return {each["name"] for each in secured.admin.client_list() if each["user"] != "admin"}


@pytest.mark.slow
@pytest.mark.parametrize("url", FORMS, indirect=True)
def test_all_that_connect_follow_one_form(
    url: str,
    secured: SecuredRedis,
    trusted: dict[str, str],
    configured: dict[str, str],
    sandbox: Sandbox,
    start_worker: StartWorker,
    run_python: RunPython,
    tmp_path: Path,
) -> None:
    there = {"REDIS_URL": url, **trusted}
    flower = Flower(tmp_path, {**configured, **there})
    try:
        worker = start_worker(**there)
        done = run_python(GARBAGE + SHOWN_SETTINGS + PROGRAM, **there)
        assert done.returncode == 0, done.stderr
        assert worker.output().count("set aside as ") == 1, "the worker's transport is ours in every form"
        status, _, report = done.stdout.partition("\n")
        assert status == "delivered"
        assert json.loads(report)["healthy"]
        assert sandbox.titles() == ["T"]
        until(flower.up, "Flower")
        until(lambda: "worker1@" in flower.get("/api/workers?refresh=1").text, "the worker in Flower")
        (name,) = flower.get("/api/workers").json()
        pages = {path: flower.get(path) for path in (*FLOWER_PAGES, f"/worker/{name}")}
        assert {page.status_code for page in pages.values()} == {200}
        assert "broker_url" in pages[f"/worker/{name}"].text
        assert_no_secrets(texts={path: page.text for path, page in pages.items()})
        (length, *_) = flower.get("/api/queues/length").json()["active_queues"]
        assert length["messages"] == 0
        if "client_name" in url:
            until(lambda: names_of_clients(secured) == {"alerts"}, "the name of all")  # one that connects has none yet
    finally:
        flower.stop()
    assert len(secured.databases) == 1


@pytest.mark.slow
def test_the_broker_may_be_reached_by_tls_and_the_outboxes_without(
    secured: SecuredRedis,
    certificates: Certificates | None,
    sandbox: Sandbox,
    start_worker: StartWorker,
    run_python: RunPython,
) -> None:
    """The options of one URL stay its own: no certificate is asked of the plain one, nor is the other unencrypted."""
    if certificates is None:
        pytest.skip(str(missing_for_tls()))
    secured.admin.flushall()
    secured.admin.config_set("tls-auth-clients", "no")
    there = {
        "REDIS_URL": f"redis://{LOGIN}127.0.0.1:{secured.port}/0",
        "CELERY_BROKER_URL": f"rediss://{LOGIN}127.0.0.1:{secured.tls_port}/1?ssl_ca_certs={certificates.authority}",
    }
    start_worker(**there)
    done = run_python(PROGRAM, **there)
    assert done.returncode == 0, done.stderr
    status, _, report = done.stdout.partition("\n")
    assert (status, json.loads(report)["healthy"], sandbox.titles()) == ("delivered", True, ["T"])
    assert secured.databases == {"db0", "db1"}

    def databases(port: int) -> set[str]:
        return {each["db"] for each in secured.admin.client_list() if each["laddr"].endswith(f":{port}")}

    until(lambda: databases(secured.tls_port) == {"1"}, "those by TLS")  # one that connects has chosen none yet
    until(lambda: databases(secured.port) == {"0"}, "the others")


@pytest.mark.slow
def test_a_redis_that_listens_in_every_way_refuses_whoever_has_no_password(secured: SecuredRedis) -> None:
    """Else the forms above would prove nothing about the login."""
    client = redis.Redis(port=secured.port)
    with pytest.raises(redis.AuthenticationError):
        client.ping()
    client.close()
