"""What a message says once it is stored: how its long text is sent is decided for all its parts."""

from typing import Any

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.payload import version_of
from notifier.outbox.preparation import NO_PARTS, prepare
from notifier.settings import Settings

LONG = "\n".join("x" * 60 for _ in range(160))  # three parts


@pytest.fixture
def by_environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings that these variables make."""

    def load(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Settings.load()

    return load


@pytest.mark.parametrize(
    ("given", "variables", "told"),
    [
        ({}, {}, None),
        ({}, {"DISCORD_LONG_TEXT": "split"}, "split"),
        ({}, {"DISCORD_LONG_TEXT": "split", "DISCORD_LONG_TEXT_ERROR": "attach"}, None),
        ({}, {"DISCORD_LONG_TEXT_ERROR": "split"}, "split"),
        ({}, {"DISCORD_LONG_TEXT_CRITICAL": "split"}, None),
        ({"long_text": "attach"}, {"DISCORD_LONG_TEXT_ERROR": "split"}, "attach"),
        ({"long_text": "split"}, {"DISCORD_LONG_TEXT": "attach"}, "split"),
        ({}, {"DISCORD_LONG_TEXT": "split", "DISCORD_SPLIT_MAX": "2"}, "attach"),
        ({"message": "x " * 3_000}, {"DISCORD_LONG_TEXT": "split"}, "split"),  # two parts
        ({"message": "x" * 900_000}, {"DISCORD_LONG_TEXT": "split"}, "attach"),
        ({"message": "short"}, {"DISCORD_LONG_TEXT": "split"}, None),
        ({"message": "short", "long_text": "split"}, {}, None),
    ],
)
def test_the_message_says_how_its_long_text_is_sent(
    by_environment: Any, given: dict[str, Any], variables: dict[str, str], told: str | None
) -> None:
    message = NotificationMessage(**{"title": "T", "message": LONG, "alert_type": AlertType.ERROR, **given})
    settings = by_environment(**variables)
    prepared = prepare(message, settings)
    assert prepared.long_text == told
    assert prepare(prepared, settings) == prepared
    assert prepared.model_copy(update={"long_text": message.long_text}) == message
    assert version_of(prepared) == (1 if told is None else 2), "what an older worker would send alike, it takes"


def test_one_that_shows_no_embed_is_attached_and_says_so(by_environment: Any) -> None:
    settings = by_environment(DISCORD_LONG_TEXT="split")
    prepared = prepare(NotificationMessage(title="T", message=LONG, suppress_embeds=True), settings)
    assert (prepared.long_text, prepared.adjusted) == ("attach", (NO_PARTS,))
    assert prepare(prepared, settings) == prepared
    short = NotificationMessage(title="T", message="short", suppress_embeds=True)
    assert prepare(short, settings) == short


def test_a_deployment_without_markdown_makes_all_plain_but_what_says_otherwise(by_environment: Any) -> None:
    off = by_environment(DISCORD_MARKDOWN="off")
    for given, wanted in ((None, False), (True, True), (False, False)):
        assert prepare(NotificationMessage(title="*T*", markdown=given), off).markdown is wanted
    on = by_environment(DISCORD_MARKDOWN="on")
    assert prepare(NotificationMessage(title="*T*"), on).markdown is None


def test_what_becomes_of_an_incident_is_said_by_the_alert_else_by_its_type_else_by_all(by_environment: Any) -> None:
    settings = by_environment(DISCORD_DEDUP_TEXT="first", DISCORD_DEDUP_TEXT_ERROR="newest")
    for kind, given, told in (
        (AlertType.GENERAL, None, "first"),
        (AlertType.ERROR, None, "newest"),
        (AlertType.ERROR, "first", "first"),
    ):
        message = NotificationMessage(title="T", alert_type=kind, dedup_key="k", dedup_text=given)
        assert prepare(message, settings).dedup_text == told
    assert prepare(NotificationMessage(title="T"), settings).dedup_text is None


def test_the_key_of_an_incident_is_filled_and_its_length_is_said_by_the_alert_else_by_its_type_else_by_all(
    by_environment: Any,
) -> None:
    settings = by_environment(DISCORD_DEDUP_SECONDS="60", DISCORD_DEDUP_SECONDS_ERROR="90")
    for kind, given, told in ((AlertType.GENERAL, None, 60), (AlertType.ERROR, None, 90), (AlertType.ERROR, 30, 30)):
        message = NotificationMessage(
            title="T", source="db", alert_type=kind, dedup_key="disk/{source}", dedup_seconds=given
        )
        prepared = prepare(message, settings)
        assert (prepared.dedup_key, prepared.dedup_seconds) == ("disk/db", told)


def test_reminders_are_asked_for_by_the_alert_else_by_its_type_else_by_all_and_never_by_an_update(
    by_environment: Any,
) -> None:
    settings = by_environment(
        DISCORD_REMIND_SECONDS="600",
        DISCORD_REMIND_SECONDS_ERROR="60",
        DISCORD_ESCALATE_AFTER_ERROR="900",
        DISCORD_ESCALATE_TO_ERROR="critical, role:123",
        DISCORD_ESCALATE_AFTER_CRITICAL="60",
    )

    def asked(kind: str, **given: Any) -> tuple[object, ...]:
        message = prepare(NotificationMessage(title="T", alert_type=kind, dedup_key="k", **given), settings)
        return message.remind_seconds, message.escalate_after, message.escalate_to

    assert asked("general") == (600, None, ())
    assert asked("general", escalate_after=60) == (600, 60, ("critical",))
    assert asked("error") == (60, 900, ("critical", "<@&123>"))
    assert asked("critical") == (600, 60, ("critical",))
    assert asked("error", remind_seconds=0, escalate_after=0) == (0, 0, ())
    assert asked("error", remind_seconds=5, escalate_to="security") == (5, 900, ("security",))
    assert asked("error", update=True) == asked("error", resolved=True) == (None, None, ())
    assert prepare(NotificationMessage(title="T"), settings).remind_seconds is None


def test_after_how_many_messages_it_is_posted_anew_is_said_in_the_same_way(by_environment: Any) -> None:
    settings = by_environment(DISCORD_DEDUP_REPOST_AFTER="20", DISCORD_DEDUP_REPOST_AFTER_ERROR="0")
    for kind, given, told in (
        (AlertType.GENERAL, None, 20),
        (AlertType.GENERAL, 0, 0),
        (AlertType.ERROR, None, None),
        (AlertType.ERROR, 5, 5),
    ):
        message = NotificationMessage(title="T", alert_type=kind, dedup_key="k", dedup_repost_after=given)
        assert prepare(message, settings).dedup_repost_after == told


def test_so_is_whether_its_thread_is_told(by_environment: Any) -> None:
    settings = by_environment(DISCORD_INCIDENT_THREAD="on", DISCORD_INCIDENT_THREAD_ERROR="off")
    for kind, given, told in (
        (AlertType.GENERAL, None, True),
        (AlertType.GENERAL, False, False),
        (AlertType.ERROR, None, None),
        (AlertType.ERROR, True, True),
    ):
        message = NotificationMessage(title="T", alert_type=kind, dedup_key="k", incident_thread=given)
        assert prepare(message, settings).incident_thread == told


@pytest.mark.parametrize(
    ("part", "most"),
    [("title", 10_000), ("source", 10_000), ("message", 1_000_000), ("name", 1_000), ("value", 100_000)],
)
def test_what_is_larger_than_version_1_takes_is_left_to_later_ones(part: str, most: int) -> None:
    def made(length: int) -> NotificationMessage:
        field = {"name": "n", "value": "v", part: "x" * length}
        is_of_a_field = part in ("name", "value")
        return NotificationMessage(
            **{"title": "T", "fields" if is_of_a_field else part: [field] if is_of_a_field else field[part]}
        )

    assert [version_of(made(length)) for length in (most, most + 1)] == [1, 2]


def test_so_is_what_has_more_fields() -> None:
    fields = [{"name": "n", "value": "v"}] * 201
    assert [version_of(NotificationMessage(title="T", fields=fields[:count])) for count in (200, 201)] == [1, 2]
