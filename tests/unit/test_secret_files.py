"""Redis' password and the URLs that may hold one may be in files, as container secrets are."""

from pathlib import Path

import pytest

from notifier.environment import give
from notifier.errors import ConfigurationError
from notifier.settings import Settings
from notifier.storage.url import parse_redis_url

pytestmark = pytest.mark.usefixtures("nothing_is_set")
PASSWORD = "fake-p@ss/w?rd&#+%20 ü"
FILE = "NOTIFIER_REDIS_PASSWORD_FILE"


@pytest.fixture
def secret(nothing_is_set: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with Redis' password, which is the setting."""
    path = tmp_path / "redis_password"
    path.write_text(f"{PASSWORD}\n", encoding="utf-8")
    monkeypatch.setenv(FILE, str(path))
    return path


def loaded_url() -> str:
    return Settings.load().redis_url.get_secret_value()


@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://redis:6379/2",
        "rediss://redis:6379/2?ssl_check_hostname=false",
        "unix:///run/redis.sock?db=2",
        "sentinel://one:1,two:2/0?master_name=m",
        "sentinel://one:1/0?master_name=m;sentinel://two:2/0",
    ],
)
def test_the_password_of_a_file_joins_every_form_of_the_url(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    found = parse_redis_url(loaded_url())
    assert found.password == PASSWORD
    assert (found.username, found.place) == (None, parse_redis_url(url or "redis://localhost:6379/0").place)


@pytest.mark.usefixtures("secret")
def test_the_user_stays_that_of_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://worker@redis:6379/0")
    found = parse_redis_url(loaded_url())
    assert (found.username, found.password) == ("worker", PASSWORD)


@pytest.mark.usefixtures("secret")
def test_two_passwords_that_differ_are_an_error_that_shows_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:fake-other@redis:6379/0")
    with pytest.raises(ConfigurationError, match="REDIS_URL: the password is given twice") as raised:
        Settings.load()
    assert "fake" not in str(raised.value)


def test_a_password_that_is_spelled_out_wins_over_its_file(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret.unlink()
    monkeypatch.setenv("NOTIFIER_REDIS_PASSWORD", "fake-spelled-out")
    assert parse_redis_url(loaded_url()).password == "fake-spelled-out"


def test_an_empty_file_is_no_password(secret: Path) -> None:
    secret.write_text("\n", encoding="utf-8")
    assert parse_redis_url(loaded_url()).password is None


@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL"])
def test_a_url_may_be_in_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "url"
    path.write_text("redis://:fake-p%23w@redis:6379/5\n", encoding="utf-8")
    give({name: "redis://given:6379/0"})  # by the program itself: what is set outside wins
    monkeypatch.setenv(f"{name}_FILE", str(path))
    found = Settings.load()
    url = found.redis_url if name == "REDIS_URL" else found.broker_url
    assert url is not None
    assert parse_redis_url(url.get_secret_value()).password == "fake-p#w"


@pytest.mark.parametrize("name", ["REDIS_URL", "CELERY_BROKER_URL", "NOTIFIER_REDIS_PASSWORD"])
def test_a_file_that_is_not_there_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match=f"^{name}_FILE: cannot be read"):
        Settings.load()


@pytest.mark.usefixtures("secret")
def test_the_password_is_in_no_repr() -> None:
    assert "fake" not in repr(Settings.load())
    assert not [each for each in Settings.load().warnings if FILE in each], "its name is known"
