"""``sentinel://`` URLs are read in both forms, and written in Celery's."""

import pytest

from notifier.storage.url import Sentinels, parse_sentinels

THREE = (("a", 26379), ("b", 26380), ("c", 26379))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sentinel://a,b:26380,c", Sentinels(THREE)),
        ("sentinel://a/3;sentinel://b:26380/3;sentinel://c:26379/3", Sentinels(THREE, database=3)),
        (
            "sentinel://user:fake%40word@a,b:26380,c/1?master_name=alerts&sentinel_password=other",
            Sentinels(THREE, "alerts", 1, "user", "fake@word", "other"),
        ),
        ("sentinel://:fake@[::1]:5", Sentinels((("::1", 5),), password="fake")),
    ],
)
def test_hosts_database_master_and_logins_are_read(url: str, expected: Sentinels) -> None:
    assert parse_sentinels(url) == expected
    again = parse_sentinels(expected.celery_url)
    assert (again.hosts, again.database) == (expected.hosts, expected.database)
    assert (again.username, again.password) == (expected.username, expected.password)


@pytest.mark.parametrize(
    "url",
    [
        "redis://a",
        "sentinel://",
        "sentinel://a,",
        "sentinel://a:port",
        "sentinel://a/one",
        "sentinel://a/1;sentinel://b/2",
        "sentinel://u:fake1@a;sentinel://u:fake2@b",
        "sentinel://a?master=typo",
    ],
)
def test_what_is_no_such_url_is_reported_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match="expected sentinel://") as error:
        parse_sentinels(url)
    assert "fake" not in str(error.value)


def test_passwords_show_in_no_repr() -> None:
    assert "fake" not in repr(parse_sentinels("sentinel://u:fake1@a?sentinel_password=fake2"))


def test_what_the_celery_url_cannot_say_is_in_its_options() -> None:
    options = parse_sentinels("sentinel://a?master_name=alerts&sentinel_password=fake").celery_options(2)
    assert options["master_name"] == "alerts"
    assert options["sentinel_kwargs"] == {"socket_timeout": 2, "socket_connect_timeout": 2, "password": "fake"}
