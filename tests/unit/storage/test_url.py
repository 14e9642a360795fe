"""Every form of a Redis URL is read once, and written as each reader of it wants it; nothing shows a password."""

import inspect
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis.connection import URL_QUERY_ARGUMENT_PARSERS, AbstractConnection, Connection, SSLConnection

from notifier.errors import ConfigurationError
from notifier.storage.address import RedisUrl, Sentinels
from notifier.storage.url import BrokerUrl, parse_broker_url, parse_redis_url, read_redis_url
from notifier.storage.url_options import OPTIONS, REFUSED

PASSWORD = "fake /@#:?%&;[]ü"
ENCODED = quote(PASSWORD, safe="")
THREE = (("a", 26379), ("b", 26380), ("c", 26379))
LOCAL = (("localhost", 6379),)
DEFAULT_TLS = {"ssl_cert_reqs": "required"}

FORMS = [
    ("redis://", RedisUrl("tcp", LOCAL)),
    ("REDIS://:6380", RedisUrl("tcp", (("localhost", 6380),))),
    ("redis://localhost:6379/0", RedisUrl("tcp", LOCAL)),
    (f"redis://user:{ENCODED}@h/3", RedisUrl("tcp", (("h", 6379),), database=3, username="user", password=PASSWORD)),
    ("redis://:fake:word@h", RedisUrl("tcp", (("h", 6379),), password="fake:word")),
    ("redis://user@[::1]:5", RedisUrl("tcp", (("::1", 5),), username="user")),
    ("redis://h?db=4&password=fake", RedisUrl("tcp", (("h", 6379),), database=4, password="fake")),
    ("rediss://h", RedisUrl("tcp", (("h", 6379),), tls=DEFAULT_TLS)),
    (
        "rediss://h?ssl_check_hostname=no",
        RedisUrl("tcp", (("h", 6379),), tls={**DEFAULT_TLS, "ssl_check_hostname": False}),
    ),
    ("unix:///run/redis.sock", RedisUrl("socket", path="/run/redis.sock")),
    ("unix://:fake@/run/a%20b?db=2", RedisUrl("socket", path="/run/a b", database=2, password="fake")),
    ("redis+socket:///run/redis.sock?virtual_host=2", RedisUrl("socket", path="/run/redis.sock", database=2)),
    ("sentinel://a,b:26380,c", RedisUrl("sentinel", THREE, sentinels=Sentinels())),
    (
        "sentinel://a/3;sentinel://b:26380/3 ; sentinel://c:26379/3",
        RedisUrl("sentinel", THREE, database=3, sentinels=Sentinels()),
    ),
    (
        f"sentinel://user:{ENCODED}@a,b:26380,c/1?master_name=alerts&sentinel_password=fake2",
        RedisUrl(
            "sentinel",
            THREE,
            database=1,
            username="user",
            password=PASSWORD,
            sentinels=Sentinels("alerts", {"password": "fake2"}),
        ),
    ),
    (
        "sentinel://[::1]:5?ssl=true&ssl_cert_reqs=none",
        RedisUrl(
            "sentinel",
            (("::1", 5),),
            tls={"ssl_cert_reqs": "none"},
            sentinels=Sentinels(options={"ssl": True, "ssl_cert_reqs": "none"}),
        ),
    ),
    (
        "sentinel://a?ssl=true&sentinel_ssl=false&sentinel_username=u&sentinel_password=fake",
        RedisUrl(
            "sentinel",
            (("a", 26379),),
            tls=DEFAULT_TLS,
            sentinels=Sentinels(options={"username": "u", "password": "fake"}),
        ),
    ),
]


@pytest.mark.parametrize(("url", "expected"), FORMS)
def test_each_form_is_read(url: str, expected: RedisUrl) -> None:
    assert parse_redis_url(url) == expected


@pytest.mark.parametrize(("url", "expected"), FORMS)
def test_what_celery_is_given_names_the_same_redis(url: str, expected: RedisUrl) -> None:
    """The URL that Celery gets, read again, lacks only what stands in the options beside it."""
    again = parse_redis_url(expected.celery_url)
    for part in ("kind", "hosts", "path", "database", "username", "password"):
        assert getattr(again, part) == getattr(expected, part)
    assert (again.tls is None) == (expected.tls is None or expected.kind == "sentinel")


@pytest.mark.parametrize("word", ["none", "optional", "required"])
@pytest.mark.parametrize("start", ["", "CERT_", "cert_"])
def test_the_certificate_check_is_read_in_redis_pys_words_and_in_celerys(word: str, start: str) -> None:
    written = f"{start}{word.upper() if start.isupper() else word}"
    assert parse_redis_url(f"rediss://h?ssl_cert_reqs={written}").tls == {"ssl_cert_reqs": word}


def test_certificates_are_handed_to_every_reader(tmp_path: Path) -> None:
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")}
    for path in files.values():
        Path(path).touch()
    query = "&".join(f"{name}={path}" for name, path in files.items())
    broker = BrokerUrl(f"rediss://h?{query}")
    wanted = {**DEFAULT_TLS, **files}
    assert broker.redis is not None
    assert broker.use_ssl == broker.redis.backend_settings()["redis_backend_use_ssl"] == wanted
    assert wanted.items() <= broker.redis.connect_options(1).items()
    behind_sentinels = parse_redis_url(f"sentinel://h?ssl=1&{query}")
    assert {**wanted, "ssl": True}.items() <= behind_sentinels.connect_options(1).items()
    assert {**wanted, "ssl": True}.items() <= behind_sentinels.transport_options(1)["sentinel_kwargs"].items()


def test_the_options_of_a_connection_are_handed_to_every_reader() -> None:
    found = parse_redis_url(
        "redis://h?socket_timeout=0.5&socket_connect_timeout=1.5&socket_keepalive=false&health_check_interval=7"
        "&client_name=alerts&max_connections=9&protocol=2"
    )
    ours, transport, backend = found.connect_options(60), found.transport_options(60), found.backend_settings()
    assert ours["socket_timeout"] == transport["socket_timeout"] == backend["redis_socket_timeout"] == 0.5
    assert transport["socket_connect_timeout"] == backend["redis_socket_connect_timeout"] == 1.5
    assert ours["socket_keepalive"] is transport["socket_keepalive"] is backend["redis_socket_keepalive"] is False
    assert ours["health_check_interval"] == transport["health_check_interval"] == 7
    assert backend["redis_backend_health_check_interval"] == 7
    assert ours["client_name"] == transport["client_name"] == backend["redis_client_name"] == "alerts"
    assert transport["max_connections"] == backend["redis_max_connections"] == 9


def test_a_timeout_of_the_url_shortens_a_wait_and_never_lengthens_it() -> None:
    found = parse_redis_url("redis://h?socket_timeout=30&socket_connect_timeout=0.1").connect_options(2)
    assert (found["socket_timeout"], found["socket_connect_timeout"]) == (2, 0.1)


def test_what_the_celery_url_cannot_say_of_sentinels_is_in_its_options() -> None:
    options = parse_redis_url("sentinel://a?master_name=alerts&sentinel_password=fake").transport_options(2)
    assert options["master_name"] == "alerts"
    assert options["sentinel_kwargs"] == {"socket_timeout": 2, "socket_connect_timeout": 2, "password": "fake"}


WRONG: list[tuple[str, str]] = [
    ("localhost:6379", "expected a URL such as redis://"),
    ("http://me:fake@localhost", "expected a URL such as redis://"),
    ("redis:fake", "expected a URL such as redis://"),
    ("redis://:fake#word@h", "raw '#'.*%23"),
    ("redis://:fake/word@h:6379/0", "raw '/'.*%2F"),
    ("redis://:fake?word@h", r"raw .*'\?'.*%3F"),
    ("redis://:fake@word@h", "more than one '@'.*%40"),
    ("redis://:fake word@h", "a space.*%20"),
    ("redis://:fake%ffword@h", "not as UTF-8"),
    ("redis://:fake@h:port", "the port a number"),
    ("redis://:fake@h:0", "the port.*1 to 65535"),
    ("redis://:fake@h:99999", "the port.*1 to 65535"),
    ("redis://:fake@[::1", "the host"),
    ("redis://:fake@h/abc", "the path.*number of a database"),
    ("redis://:fake@h/1/2", "the path.*number of a database"),
    ("redis://:fake@h/1?db=2", "the database is given twice"),
    ("redis://:fake@h?password=fake2", "the password is given twice"),
    ("redis://:fake@a;redis://:fake@b", "only sentinel:// may have"),
    ("redis://:fake@h?fakeword=1", "an unknown option; known are username"),
    ("redis://:fake@h?fakeword", "expected .name=value"),
    ("redis://:fake@h?db=1&db=1", "db: given twice"),
    ("redis://:fake@h?db=one", "db: expected the number of a database"),
    ("redis://:fake@h?socket_timeout=0", "socket_timeout: expected seconds above 0"),
    ("redis://:fake@h?socket_timeout=nan", "socket_timeout: expected seconds above 0"),
    ("redis://:fake@h?socket_keepalive=perhaps", "socket_keepalive: expected true or false"),
    ("redis://:fake@h?protocol=3", "protocol: expected 2"),
    ("redis://:fake@h?retry_on_timeout=1", "retry_on_timeout: nothing is repeated"),
    ("redis://:fake@h?decode_responses=1", "decode_responses: is set by this program"),
    ("redis://:fake@h?credential_provider=x", "credential_provider: cannot be used"),
    ("redis://:fake@h?ssl_cert_reqs=none", "ssl_cert_reqs: only with TLS"),
    ("redis://:fake@h?ssl=true", "ssl: only with sentinel"),
    ("redis://:fake@h?master_name=alerts", "master_name: only with sentinel"),
    ("rediss://:fake@h?ssl_cert_reqs=maybe", "ssl_cert_reqs: expected none, optional or required"),
    ("rediss://:fake@h?ssl_ca_certs=/fake/none.pem", "ssl_ca_certs: expected the path of a file"),
    ("unix://:fake@run/redis.sock", "three slashes"),
    ("unix://", "three slashes"),
    ("unix:///run/redis.sock?ssl_cert_reqs=none", "ssl_cert_reqs: only with TLS"),
    ("sentinel://", "the host is missing"),
    ("sentinel://:fake@a,", "the host is missing"),
    ("sentinel://a:port", "the port a number"),
    ("sentinel://a/one", "the path"),
    ("sentinel://a/1;sentinel://b/2", "the database is given twice"),
    ("sentinel://u:fake1@a;sentinel://u:fake2@b", "the user name or password is given twice"),
    ("sentinel://a?master_name=x;sentinel://b?master_name=y", "the master_name is given twice"),
    ("sentinel://a;redis://b", "only sentinel:// may have"),
]


@pytest.mark.parametrize(("url", "part"), WRONG)
@pytest.mark.parametrize("variable", ["REDIS_URL", "CELERY_BROKER_URL"])
def test_a_wrong_url_is_refused_by_the_name_of_its_part_and_shown_nowhere(variable: str, url: str, part: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_redis_url(variable, url)
    assert re.match(rf"{variable}: .*{part}", str(caught.value))
    assert "fake" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(("url", "expected"), FORMS)
def test_no_repr_shows_a_password(url: str, expected: RedisUrl) -> None:
    assert "fake" not in f"{expected!r} {BrokerUrl(url)!r}"
    walked = json.dumps([expected, BrokerUrl(url)], default=repr)  # as who reports the variables of a frame
    assert "fake" not in walked


@pytest.mark.parametrize("url", ["amqp://me:fake@h:5672//", "pyamqp://", "amqps://a//;amqps://b//"])
def test_rabbitmq_is_left_to_celery(url: str) -> None:
    broker = BrokerUrl(url)
    assert (broker.is_amqp, broker.celery_url, broker.use_ssl, broker.transport_options(2)) == (True, url, False, {})


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("sqs://me:fake@h", "redis://.* or amqp://"),
        ("amqp://me:fake#word@h//", "raw '#'"),
        ("amqp://me:fake@word@h//", "more than one '@'"),
        ("amqp://me:fake@a//;redis://b", "expected|several"),
        ("redis://:fake@h/abc", "the path"),
    ],
)
def test_a_wrong_broker_is_refused_by_the_name_of_its_part(url: str, part: str) -> None:
    with pytest.raises(ValueError, match=part) as caught:
        parse_broker_url(url)
    assert "fake" not in str(caught.value)


def test_every_option_that_redis_py_reads_from_a_url_is_taken_or_refused_with_a_reason() -> None:
    """A redis-py with a new option turns this red, so that somebody decides."""
    objects = {"host", "port", "path", "self", "kwargs", "ssl_ocsp_context", "ssl_ocsp_expected_cert"}
    objects |= {"parser_class", "redis_connect_func", "command_packer", "event_dispatcher"}
    taken: set[str] = set(URL_QUERY_ARGUMENT_PARSERS)
    for each in (AbstractConnection, Connection, SSLConnection):
        made: Any = each.__init__
        taken |= set(inspect.signature(made).parameters)
    assert taken - objects - OPTIONS.keys() - REFUSED.keys() == set()
