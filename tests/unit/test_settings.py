"""Settings are read as people write them; what is wrong is named by its variable, and no token shows."""

import re
import string
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from notifier.environment import give
from notifier.errors import ConfigurationError
from notifier.models import AlertType
from notifier.routing import ROUTES
from notifier.setting_sources import DEFAULT_API_URL
from notifier.settings import Settings, settings
from notifier.webhook import Webhook, parse_webhook

pytestmark = pytest.mark.usefixtures("nothing_is_set")
TOKEN = "fake-token_of.the-settings-tests"
URL = f"https://discord.com/api/webhooks/123456789/{TOKEN}"
GUIDE = """
# Discord Webhook Configuration
DISCORD_WEBHOOK_GENERAL=https://discord.com/api/webhooks/123456789/abcdefg
DISCORD_WEBHOOK_ERRORS=https://discord.com/api/webhooks/234567890/bcdefgh
DISCORD_WEBHOOK_CRITICAL=https://discord.com/api/webhooks/345678901/cdefghi
DISCORD_WEBHOOK_TRACKLIST=https://discord.com/api/webhooks/456789012/defghij
DISCORD_WEBHOOK_MONITORING=https://discord.com/api/webhooks/567890123/efghijk
DISCORD_WEBHOOK_SECURITY=https://discord.com/api/webhooks/678901234/fghijkl

# Optional settings (with defaults)
DISCORD_RATE_LIMIT=30        # Messages per minute per webhook (default: 30)
DISCORD_RETRY_ATTEMPTS=3      # Number of retry attempts (default: 3)
DISCORD_TIMEOUT_SECONDS=10    # Request timeout in seconds (default: 10)
DISCORD_QUEUE_SIZE=100       # Max queued messages per channel (default: 100)
"""
GUIDE_WEBHOOKS = {
    AlertType.GENERAL: Webhook("123456789", SecretStr("abcdefg")),
    AlertType.ERROR: Webhook("234567890", SecretStr("bcdefgh")),
    AlertType.CRITICAL: Webhook("345678901", SecretStr("cdefghi")),
    AlertType.TRACKLIST: Webhook("456789012", SecretStr("defghij")),
    AlertType.MONITORING: Webhook("567890123", SecretStr("efghijk")),
    AlertType.SECURITY: Webhook("678901234", SecretStr("fghijkl")),
}


def env_file(text: str) -> None:
    Path(".env").write_text(text, encoding="utf-8")


def test_without_any_variable_all_is_default_and_no_webhook_is_there() -> None:
    found = Settings.load()
    assert (found.rate_limit_per_minute, found.retry_attempts, found.timeout_seconds, found.queue_size) == (
        30,
        3,
        10,
        100,
    )
    assert found.api_url == "https://discord.com/api/v10"
    assert found.redis_url.get_secret_value() == "redis://localhost:6379/0"
    assert found.webhooks == {}
    assert found.missing_webhooks == [route.webhook_variables[0] for route in ROUTES.values()]


def test_the_guides_env_file_is_read_as_it_stands() -> None:
    env_file(GUIDE)
    found = Settings.load()
    assert found.webhooks == GUIDE_WEBHOOKS
    assert found.missing_webhooks == []
    assert (found.rate_limit_per_minute, found.retry_attempts, found.timeout_seconds, found.queue_size) == (
        30,
        3,
        10,
        100,
    )


def test_the_guides_lines_are_read_as_a_container_hands_them_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """``docker run --env-file`` keeps an inline comment as part of the value."""
    for line in GUIDE.replace("=30 ", "=31 ").replace("=3 ", "=4 ").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL", f"{URL}  # the general channel")
    found = Settings.load()
    assert found.webhooks[AlertType.GENERAL] == Webhook("123456789", SecretStr(TOKEN))
    assert (found.rate_limit_per_minute, found.retry_attempts, found.timeout_seconds, found.queue_size) == (
        31,
        4,
        10,
        100,
    )


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    env_file(f"{GUIDE}\nNOTIFIER_SWEEP_SECONDS=7\n")
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL", URL)
    monkeypatch.setenv("DISCORD_RATE_LIMIT", "12")
    found = Settings.load()
    assert found.webhooks == {**GUIDE_WEBHOOKS, AlertType.GENERAL: Webhook("123456789", SecretStr(TOKEN))}
    assert (found.rate_limit_per_minute, found.sweep_seconds) == (12, 7)


@pytest.mark.parametrize("place", ["environment", "file"])
def test_an_empty_value_is_the_default(place: str) -> None:
    default = Settings.load()
    for name in Settings.variables():
        if name.startswith("DISCORD_WEBHOOK_"):
            continue
        with pytest.MonkeyPatch.context() as patch:
            if place == "environment":
                patch.setenv(name, "")
            else:
                env_file(f"{name}=\n")
            assert Settings.load() == default, name


def test_a_variable_that_is_empty_leaves_what_the_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    env_file("DISCORD_RATE_LIMIT=12\n")
    monkeypatch.setenv("DISCORD_RATE_LIMIT", "")
    assert Settings.load().rate_limit_per_minute == 12


@pytest.mark.parametrize("place", ["environment", "file"])
def test_a_variable_may_be_spelled_in_small_letters(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if place == "environment":
        monkeypatch.setenv("discord_rate_limit", "12")
    else:
        env_file("discord_rate_limit=12\n")
    assert Settings.load().rate_limit_per_minute == 12


def test_an_empty_webhook_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for route in ROUTES.values():
        monkeypatch.setenv(route.webhook_variables[0], "")
    assert Settings.load().webhooks == {}


@pytest.mark.parametrize(("kind", "route"), ROUTES.items())
def test_each_webhook_may_be_a_file(
    kind: AlertType, route: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{URL}\n", encoding="utf-8")
    monkeypatch.setenv(f"{ROUTES[kind].webhook_variables[0]}_FILE", str(secret))
    assert Settings.load().webhooks == {kind: Webhook("123456789", SecretStr(TOKEN))}


def test_a_webhook_given_both_ways_is_the_one_that_is_spelled_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL", URL)
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL_FILE", str(tmp_path / "none"))
    assert Settings.load().webhooks == {AlertType.GENERAL: Webhook("123456789", SecretStr(TOKEN))}


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"not a URL"])
def test_a_webhook_file_that_is_no_use_is_named(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    monkeypatch.setenv("DISCORD_WEBHOOK_SECURITY_FILE", str(secret))
    with pytest.raises(ConfigurationError, match="DISCORD_WEBHOOK_SECURITY"):
        Settings.load().refuse_wrong_webhooks()


@pytest.mark.parametrize("place", ["environment", "file"])
def test_the_singular_of_errors_is_understood(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if place == "environment":
        monkeypatch.setenv("DISCORD_WEBHOOK_ERROR", URL)
    else:
        env_file(f"DISCORD_WEBHOOK_ERROR={URL}\n")
    assert Settings.load().webhooks == {AlertType.ERROR: Webhook("123456789", SecretStr(TOKEN))}


def test_the_documented_name_wins_over_the_singular(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_WEBHOOK_ERROR", "https://discord.com/api/webhooks/1/fake-token")
    monkeypatch.setenv("DISCORD_WEBHOOK_ERRORS", URL)
    assert Settings.load().webhooks == {AlertType.ERROR: Webhook("123456789", SecretStr(TOKEN))}


@pytest.mark.parametrize(
    "start",
    [
        *["https://discord.com/api", "https://discord.com/api/v10", "https://discord.com/api/v6"],
        *["https://discordapp.com/api", "https://canary.discord.com/api", "https://ptb.discord.com/api/v9"],
        *["http://discord.com/api", "HTTPS://Discord.com/api", "  https://discord.com/api"],
    ],
)
@pytest.mark.parametrize("end", ["", "/", "/slack", "/github", "?wait=true", "\n"])
def test_any_webhook_url_of_discord_is_understood(start: str, end: str) -> None:
    found = parse_webhook("V", f"{start}/webhooks/123456789/{TOKEN}{end}", DEFAULT_API_URL)
    assert found == Webhook("123456789", SecretStr(TOKEN), None)


def test_the_thread_of_a_url_is_kept() -> None:
    assert parse_webhook("V", f"{URL}?wait=true&thread_id=55", DEFAULT_API_URL).thread_id == "55"


def test_a_url_of_the_configured_discord_is_understood_and_of_no_other() -> None:
    url = f"http://127.0.0.1:8080/api/webhooks/5/{TOKEN}"
    assert parse_webhook("V", url, "http://127.0.0.1:8080/api/v10") == Webhook("5", SecretStr(TOKEN))
    for other in ("http://127.0.0.1:8081/api/v10", "http://127.0.0.1/api/v10", DEFAULT_API_URL):
        with pytest.raises(ConfigurationError):
            parse_webhook("V", url, other)


BAD_URLS = [
    "fake-token",
    "https://",
    "https://[/api/webhooks/1/fake-token",
    "ftp://discord.com/api/webhooks/1/fake-token",
    "https://example.invalid/api/webhooks/1/fake-token",
    "https://discord.com.example.invalid/api/webhooks/1/fake-token",
    "https://notdiscord.com/api/webhooks/1/fake-token",
    "https://discord.com/webhooks/1/fake-token",
    "https://discord.com/api/webhooks/1",
    "https://discord.com/api/webhooks/fake-token/1",
    "https://discord.com/api/webhooks/99999999999999999999/fake-token",
    f"https://discord.com/api/webhooks/{2**63}/fake-token",
    "https://discord.com/api/webhooks/1/fake-token/messages/5",
    "https://discord.com/api/webhooks/1/fake-token%2Fx",
    "https://discord.com/api/webhooks/1/fake-token?thread_id=abc",
    "https://discord.com/api/webhooks/1/fake-token?thread_id=²",
    f"https://discord.com/api/webhooks/1/fake-token?thread_id={2**63}",
    "https://discord.com/api/webhooks/1/fake-token?thread_id=٣",
]


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_webhook_is_refused_by_the_name_of_its_variable_and_shown_nowhere(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_WEBHOOK_MONITORING", url)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load().refuse_wrong_webhooks()
    assert str(caught.value).startswith("DISCORD_WEBHOOK_MONITORING: ")
    assert "fake" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_a_bad_webhook_stops_no_other_one_and_no_process_that_only_raises_alerts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL", URL)
    monkeypatch.setenv("DISCORD_WEBHOOK_CRITICAL", "https://discord.com/fake-token")
    monkeypatch.setenv("DISCORD_WEBHOOK_SECURITY_FILE", str(tmp_path / "none"))
    found = Settings.load()
    assert found.webhooks == {AlertType.GENERAL: Webhook("123456789", SecretStr(TOKEN))}
    assert found.wrong_webhooks.keys() == {AlertType.CRITICAL, AlertType.SECURITY}
    with pytest.raises(ConfigurationError, match=r"DISCORD_WEBHOOK_CRITICAL: .*DISCORD_WEBHOOK_SECURITY_FILE: cannot"):
        found.refuse_wrong_webhooks()


WRAPPED = [
    *['"{}"', "'{}'", "`{}`", "<{}>", "“{}”", "‘{}’", '"<{}>"', " {}\t", "\ufeff{}", "\u200b{}\u2060", "\xa0{}\xa0"],
    *[
        '\ufeff"{}"\r\n',
        '"{}" # comment',
        '"{}" # a "comment"',
        '"{}"# comment',
        "{} # comment",
        '" {} # comment "',
        "{}  #",
    ],
]


@pytest.mark.parametrize("wrapped", WRAPPED)
def test_what_only_surrounds_a_value_is_taken_off(
    wrapped: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(wrapped.format(URL), encoding="utf-8")
    for variable, value in {
        "DISCORD_WEBHOOK_GENERAL": URL,
        "DISCORD_WEBHOOK_ERRORS_FILE": str(secret),
        "DISCORD_API_URL": "http://127.0.0.1:8080/api/v10",
        "REDIS_URL": "redis://:fake@redis:6379/5",
        "CELERY_BROKER_URL": "redis://:fake@broker:6379/5",
        "DISCORD_QUEUE_SIZE": "7",
        "DISCORD_DIRECT_FALLBACK": "critical,security",
        "NOTIFIER_SPOOL_DIR": "/var/spool/alerts#1",
    }.items():
        monkeypatch.setenv(variable, wrapped.format(value))
    found = Settings.load()
    found.refuse_wrong_webhooks()
    assert found.webhooks == dict.fromkeys((AlertType.GENERAL, AlertType.ERROR), Webhook("123456789", SecretStr(TOKEN)))
    assert found.broker_url is not None
    assert (found.api_url, found.redis_url.get_secret_value(), found.broker_url.get_secret_value()) == (
        *("http://127.0.0.1:8080/api/v10", "redis://:fake@redis:6379/5", "redis://:fake@broker:6379/5"),
    )
    assert (found.queue_size, found.direct_fallback, found.spool_dir) == (
        *(7, {AlertType.CRITICAL, AlertType.SECURITY}, Path("/var/spool/alerts#1")),
    )


def test_quotes_and_brackets_within_a_value_or_at_one_end_of_it_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("redis://:fa'ke@a/0", "redis://:fake@a/0?client_name=it's"):
        monkeypatch.setenv("REDIS_URL", value)
        assert Settings.load().redis_url.get_secret_value() == value


@pytest.mark.parametrize("value", ["30# a minute", "30#a minute", "30 #a minute", "'30'# a minute"])
def test_a_comment_needs_no_space_where_a_value_holds_no_hash(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_QUEUE_SIZE", value)
    monkeypatch.setenv("DISCORD_API_URL", value.replace("30", "https://discord.com/api/v10"))
    found = Settings.load()
    assert (found.queue_size, found.api_url) == (30, DEFAULT_API_URL)


@pytest.mark.parametrize("value", ["# comment", "  #comment", '""', "\ufeff"])
def test_a_comment_alone_is_no_value(value: str) -> None:
    default = Settings.load()
    for name in Settings.variables():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, value)
            assert Settings.load() == default, name


BAD = [
    *(("DISCORD_RATE_LIMIT", value) for value in ("0", "-1", "many", "1.5", "1000001")),
    *(("DISCORD_RETRY_ATTEMPTS", value) for value in ("-1", "101", "x")),
    *(("DISCORD_TIMEOUT_SECONDS", value) for value in ("0", "-5", "nan", "inf", "1e9", "soon")),
    *(("DISCORD_QUEUE_SIZE", value) for value in ("0", "x")),
    *(("DISCORD_HISTORY_DAYS", value) for value in ("0", "4000")),
    *((name, "cut") for name in ("DISCORD_LONG_TEXT", "DISCORD_LONG_TEXT_CRITICAL")),
    *((f"DISCORD_MENTION_{kind.upper()}", "@heree") for kind in AlertType),
    *(
        ("DISCORD_MENTION_CRITICAL", value)
        for value in ("role:x", "role:99999999999999999999", "@here;role:1", "user:")
    ),
    *(("DISCORD_MENTION_QUIET_SECONDS", value) for value in ("-1", "soon")),
    *(("DISCORD_GROUP_SECONDS_TRACKLIST", value) for value in ("-1", "soon", "86401")),
    ("DISCORD_GROUP_SECONDS_CRITICAL", "300"),
    *((f"DISCORD_QUIET_HOURS{of_type}", "22:00-07:00 Europe/Berln") for of_type in ("", "_GENERAL", "_SECURITY")),
    *(("DISCORD_QUIET_HOURS", value) for value in ("22:00-07:00", "25:00-07:00 UTC", "22:00-07:00 UTC loud", "night")),
    *(("DISCORD_SPLIT_MAX", value) for value in ("0", "11", "x")),
    *(("DISCORD_API_URL", value) for value in ("discord.com", "https://discord.com/api", "https://discord.com/api/v9")),
    *(
        ("DISCORD_API_URL", value)
        for value in ("https://me:fake@discord.com/api/v10", "https://discord.com/api/v10?a=1")
    ),
    *(
        ("REDIS_URL", value)
        for value in (
            "localhost:6379",
            "http://me:fake@localhost",
            "sentinel://me:fake@/0",
            "redis://me:fake@a/abc",
            "redis://me:fake@a:99999",
            "redis://me:fake#word@a",
            "rediss://me:fake@a?ssl_ca_certs=/fake/none.pem",
        )
    ),
    *(
        ("CELERY_BROKER_URL", value)
        for value in ("localhost", "sqs://me:fake@a", "sentinel://me:fake@/0", "amqp://me:fake/x@a")
    ),
    ("DISCORD_QUEUE_OVERFLOW", "drop"),
    *(
        (variable, "everything")
        for variable in ("DISCORD_UNKNOWN_LEAVE", "DISCORD_DIRECT_FALLBACK", "DISCORD_FALLBACK")
    ),
    *(("DISCORD_EXPIRE_SECONDS", value) for value in ("0", "2592001")),
    *(("NOTIFIER_PUBLISH_TIMEOUT_SECONDS", value) for value in ("0", "never")),
    *((variable, "-1") for variable in ("NOTIFIER_WATCH_SECONDS", "NOTIFIER_SPOOL_MAX")),
]


def test_types_are_listed_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_DIRECT_FALLBACK", " critical, security ,")
    monkeypatch.setenv("DISCORD_FALLBACK", "general")
    found = Settings.load()
    assert found.direct_fallback == {AlertType.CRITICAL, AlertType.SECURITY}
    assert found.fallback is AlertType.GENERAL


@pytest.mark.parametrize(
    "url", ["amqp://me:fake@localhost//", "redis://localhost/5", "sentinel://a,b,c/0", "unix:///run/a?db=1"]
)
def test_the_broker_may_be_another_server(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    found = Settings.load()
    assert found.broker_url is not None
    assert found.broker_url.get_secret_value() == url
    assert found.redis_url.get_secret_value() == "redis://localhost:6379/0"


@pytest.mark.parametrize(("variable", "value"), BAD)
def test_a_bad_setting_is_refused_by_the_name_of_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        Settings.load()
    assert str(caught.value).startswith(f"{variable}: ")
    assert "fake" not in str(caught.value)


def test_all_that_is_wrong_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_RATE_LIMIT", "many")
    monkeypatch.setenv("DISCORD_QUEUE_SIZE", "0")
    with pytest.raises(ConfigurationError, match=r"DISCORD_RATE_LIMIT: .*DISCORD_QUEUE_SIZE: "):
        Settings.load()


def test_the_address_of_discord_has_no_slash_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_API_URL", "http://127.0.0.1:8080/api/v10/")
    assert Settings.load().api_url == "http://127.0.0.1:8080/api/v10"


def test_no_repr_of_the_settings_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL", URL)
    monkeypatch.setenv("REDIS_URL", "redis://:fake-password@localhost:6379/0")
    found = Settings.load()
    assert (
        re.findall("fake", f"{found!r} {found} {found.webhooks!r} {found.model_dump()!r} {found.model_dump_json()}")
        == []
    )


def test_a_fingerprint_distinguishes_urls_and_shows_no_token() -> None:
    one, other = Webhook("1", SecretStr(TOKEN)), Webhook("1", SecretStr(f"{TOKEN}2"))
    assert one.fingerprint == Webhook("1", SecretStr(TOKEN), "5").fingerprint
    assert len({one.fingerprint, other.fingerprint, Webhook("2", SecretStr(TOKEN)).fingerprint}) == 3
    assert TOKEN not in one.fingerprint


def test_settings_cannot_be_changed_and_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings().queue_size = 5  # type: ignore[misc]
    monkeypatch.setenv("DISCORD_QUEUE_SIZE", "5")
    assert settings().queue_size == 100


def test_the_example_file_names_every_variable_with_its_default() -> None:
    example = Path(__file__).parents[2] / ".env.example"
    names = re.findall(r"^([A-Z_]+)=", example.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(names) == Settings.variables()
    default = Settings.load()
    env_file(example.read_text(encoding="utf-8"))
    assert Settings.load() == default


REAL = f"fake-token-{string.ascii_letters}12345"
"""As long and as varied as Discord's."""
READY_MADE = dict(
    line.split("=", 1)
    for line in (Path(__file__).parents[2] / "notifier/sandbox/sandbox.env").read_text().splitlines()
    if line.startswith("DISCORD_")
)


@pytest.mark.parametrize(
    ("api_url", "token", "warned"),
    [
        ("http://proxy.example:8080/api/v10", REAL, True),
        ("http://sandbox:8025/api/v10", REAL, True),
        ("http://discord.com/api/v10", REAL, True),
        ("http://192.168.1.5/api/v10", REAL, True),
        ("http://localhost.example/api/v10", REAL, True),
        ("https://proxy.example/api/v10", REAL, False),
        ("", REAL, False),
        ("http://127.0.0.1:8080/api/v10", REAL, False),
        ("http://[::1]:8080/api/v10", REAL, False),
        ("http://localhost:8080/api/v10", REAL, False),
        ("http://proxy.example:8080/api/v10", "fake-token-general-" + "x" * 49, False),
        ("http://proxy.example:8080/api/v10", "fake-token", False),
    ],
)
def test_tokens_that_travel_without_tls_are_warned_of(
    api_url: str, token: str, warned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_API_URL", api_url)
    monkeypatch.setenv("DISCORD_WEBHOOK_ERRORS", f"https://discord.com/api/webhooks/123456789/{token}")
    found = Settings.load().warnings
    assert len(found) == warned
    for text in found:
        assert text.startswith("DISCORD_API_URL: ")
        assert "DISCORD_WEBHOOK_ERRORS" in text
        assert token not in text


def test_a_sandbox_under_another_name_with_its_own_webhooks_is_no_danger(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in READY_MADE.items():
        monkeypatch.setenv(name, value)
    found = Settings.load()
    assert len(found.webhooks) == 6
    assert found.warnings == []
    assert "sandbox:8025" in found.api_url


def test_a_worker_warns_of_a_backend_that_sends_it_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_BACKEND", "console")
    (warning,) = Settings.load().warnings
    assert warning.startswith("NOTIFIER_BACKEND=console: ")


def test_a_wrong_pattern_of_secrets_is_named_by_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SECRET_PATTERNS", r"ACME-\d+ fake(")
    with pytest.raises(ConfigurationError, match="NOTIFIER_SECRET_PATTERNS: pattern 2 is no regular expression"):
        Settings.load()


def test_each_type_may_have_its_mentions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_MENTION_CRITICAL", " @here, role:123,user:456 , everyone,<@&7>,<@!8> ")
    monkeypatch.setenv("DISCORD_MENTION_ERROR", "<@&9>")
    found = Settings.load()
    assert found.mentions_by_type == {
        AlertType.CRITICAL: ("@here", "<@&123>", "<@456>", "@everyone", "<@&7>", "<@8>"),
        AlertType.ERROR: ("<@&9>",),
    }
    assert found.mention_quiet_seconds == 300


def test_quiet_hours_of_all_types_leave_out_critical_and_security_unless_they_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not any(Settings.load().quiet_hours_of(kind) for kind in AlertType)
    monkeypatch.setenv("DISCORD_QUIET_HOURS", "'22:00-07:00 Europe/Berlin'  # at night")
    monkeypatch.setenv("DISCORD_QUIET_HOURS_ERROR", "23:00-06:00 UTC hold")
    monkeypatch.setenv("DISCORD_QUIET_HOURS_MONITORING", "off")
    found = Settings.load()
    assert {kind.value for kind in AlertType if found.quiet_hours_of(kind)} == {"general", "error", "tracklist"}
    assert found.quiet_hours_of(AlertType.TRACKLIST) == found.quiet_hours_of(AlertType.GENERAL)
    assert found.quiet_hours_of(AlertType.ERROR).manner == "hold"
    monkeypatch.setenv("DISCORD_QUIET_HOURS_SECURITY", "22:00-07:00 Europe/Berlin")
    assert Settings.load().quiet_hours_of(AlertType.SECURITY)


@pytest.mark.parametrize("variable", ["DISCORD_QUIET_HOURS", "DISCORD_QUIET_HOURS_SECURITY"])
def test_nothing_is_held_for_longer_than_it_waits(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    weekend = "Fri 22:00-24:00, Sat-Sun 00:00-24:00, Mon 00:00-07:00 Europe/Berlin"
    for long in ("00:00-24:00 UTC hold", "01:00-00:30 UTC hold", f"{weekend} hold"):
        monkeypatch.setenv(variable, long)
        with pytest.raises(ConfigurationError, match=rf"^{variable}: alerts would .*DISCORD_EXPIRE_SECONDS"):
            Settings.load()
    monkeypatch.setenv(variable, weekend)
    assert Settings.load().quiet_hours_of(AlertType.SECURITY if "SECURITY" in variable else AlertType.GENERAL)
    monkeypatch.setenv(variable, f"{weekend} hold")
    monkeypatch.setenv("DISCORD_EXPIRE_SECONDS", str(3 * 86_400))
    Settings.load()


def test_what_a_program_gives_wins_over_nothing_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_RATE_LIMIT", "5")
    monkeypatch.setenv("DISCORD_WEBHOOK_ERRORS", URL.replace("123456789", "1"))
    monkeypatch.setenv("DISCORD_WEBHOOK_CRITICAL", "")
    env_file(f"DISCORD_QUEUE_SIZE=6\nDISCORD_WEBHOOK_GENERAL={URL.replace('123456789', '2')}")
    names = ("RATE_LIMIT", "QUEUE_SIZE", "RETRY_ATTEMPTS")
    webhooks = {f"DISCORD_WEBHOOK_{name}": URL for name in ("ERRORS", "GENERAL", "CRITICAL", "SECURITY")}
    give({**{f"DISCORD_{name}": "7" for name in names}, **webhooks, "DISCORD_LONG_TEXT_CRITICAL": "split"})
    found = Settings.load()
    assert (found.rate_limit_per_minute, found.queue_size, found.retry_attempts) == (5, 6, 7)
    assert {kind: webhook.id for kind, webhook in found.webhooks.items()} == {
        "error": "1", "general": "2", "critical": "123456789", "security": "123456789",
    }  # fmt: skip
    assert found.long_text_by_type == {"critical": "split"}


def test_what_a_program_gives_wrongly_is_named_by_its_variable() -> None:
    give({"discord_rate_limit": "many"})
    with pytest.raises(ConfigurationError, match="DISCORD_RATE_LIMIT"):
        Settings.load()


def test_groups_are_of_their_types_and_end_before_their_alerts_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_GROUP_SECONDS_TRACKLIST", "300")
    assert Settings.load().group_seconds_by_type == {"tracklist": 300}
    monkeypatch.setenv("DISCORD_EXPIRE_SECONDS", "300")
    with pytest.raises(ConfigurationError, match="DISCORD_GROUP_SECONDS: alerts of tracklist would expire before"):
        Settings.load()


def test_critical_alerts_are_never_grouped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_GROUP_SECONDS_CRITICAL", "300")
    with pytest.raises(ConfigurationError, match="DISCORD_GROUP_SECONDS_CRITICAL: critical alerts are never grouped"):
        Settings.load()


@pytest.mark.parametrize("place", ["environment", "file"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DISCORD_RATE_LIMITS", "; DISCORD_RATE_LIMIT?"),
        ("DISCORD_WEBHOOK_CRITICALS", "; DISCORD_WEBHOOK_CRITICAL?"),
        ("DISCORD_LONG_TEXT_CRITCAL", "; DISCORD_LONG_TEXT_CRITICAL?"),
        ("NOTIFIER_SPOOL", "; NOTIFIER_SPOOL_MAX?"),
        ("NOTIFIER_XYZZY_PLUGH", ""),
    ],
)
def test_a_variable_that_is_set_in_vain_is_warned_of_with_the_nearest_name(
    name: str, hint: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if place == "environment":
        monkeypatch.setenv(name, "5")
    else:
        env_file(f"{name}=5\n")
    assert Settings.load().warnings == [f"{name} is no variable of this program, and is ignored{hint}"]


@pytest.mark.parametrize(
    "variables",
    [
        {"DISCORD_TOKEN": "x", "DISCORD_BOT_TOKEN": "x", "DISCORD_GUILD_ID": "1", "DISCORD_CLIENT_SECRET": "x"},
        {
            "DISCORD_WEBHOOK_ERROR": "https://discord.com/api/webhooks/123/fake-token",
            "DISCORD_WEBHOOK_CRITICAL_FILE": "/dev/null",
            "DISCORD_WEBHOOK_GENERAL_FILE": "",
            "NOTIFIER_X": "",
        },
        {"PATH": "/usr/bin", "MY_NOTIFIER_SETTING": "1"},
    ],
    ids=["a bot's own", "other spellings, and empty", "of others"],
)
def test_no_other_variable_is_warned_of(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert Settings.load().warnings == []


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, False),
        ({"DISCORD_ESCALATE_AFTER": "60"}, True),
        ({"DISCORD_ESCALATE_AFTER_ERROR": "60"}, True),
        ({"DISCORD_ESCALATE_AFTER": "60", "DISCORD_ESCALATE_AFTER_ERROR": "0"}, True),
        ({"DISCORD_ESCALATE_AFTER": "60", "DISCORD_ESCALATE_TO": "error,role:123"}, False),
        ({"DISCORD_ESCALATE_AFTER": "60", "DISCORD_ESCALATE_TO": "role:123"}, False),
        ({"DISCORD_ESCALATE_AFTER": "60", "DISCORD_WEBHOOK_ERRORS": ""}, False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_an_escalation_to_a_type_without_a_webhook_is_warned_of(
    variables: dict[str, str], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "DISCORD_WEBHOOK_ERRORS": "https://discord.com/api/webhooks/123/fake-token",
        **variables,
    }.items():
        monkeypatch.setenv(name, value)
    warned = ["DISCORD_ESCALATE_TO: nobody would be told, for DISCORD_WEBHOOK_CRITICAL is not set"]
    assert Settings.load().warnings == (warned if told else [])
