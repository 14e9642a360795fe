"""Each part of a message is masked, wherever it comes in, and its record says what was."""

import json
from typing import Any

import pytest

from notifier.message_parts import Author, LinkButton, MessageFile, Poll, PollAnswer
from notifier.models import NotificationMessage
from notifier.outbox.message_secrets import masked_message
from notifier.outbox.payload import PAYLOAD_VERSION, read
from notifier.outbox.preparation import prepare
from notifier.settings import Settings

SECRET = "fake-password-1"
URL = f"https://bob:{SECRET}@example.com/a"
PARTS: dict[str, dict[str, Any]] = {
    "title": {"title": f"no {URL}"},
    "message": {"message": URL},
    "fields": {"fields": {"DSN": URL}},
    "the name of a field": {"fields": [{"name": URL, "value": "x"}]},
    "a field that is called so": {"fields": {"Password": SECRET}},
    "metadata": {"metadata": {"db": {"password": SECRET, "urls": [URL, {"a": URL}], URL: 1}}},
    "url": {"url": URL},
    "source": {"source": URL},
    "username": {"username": f"password={SECRET}"},
    "content": {"content": URL},
    "thread_name": {"thread_name": URL},
    "dedup_key": {"dedup_key": URL},
    "acknowledged_by": {"acknowledged_by": URL, "dedup_key": "k"},
    "acknowledged_why": {"acknowledged_why": URL, "dedup_key": "k"},
    "traceback": {"traceback": f"ValueError: {URL}"},
    "avatar_url": {"avatar_url": URL},
    "image": {"image": URL},
    "thumbnail": {"thumbnail": URL},
    "footer_icon": {"footer_icon": URL},
    "author": {"author": Author(name=URL, url=URL, icon_url=URL)},
    "poll": {"poll": Poll(question=URL, answers=(PollAnswer(text=URL),))},
    "buttons": {"buttons": (LinkButton(label=f"password={SECRET}", url=URL),)},
    "files": {"files": (MessageFile(name=f"password={SECRET}", content=URL.encode(), description=URL),)},
}


@pytest.mark.parametrize("part", PARTS)
def test_a_secret_in_any_part_is_masked_and_the_message_says_so(part: str) -> None:
    message = NotificationMessage(**{"title": "T", **PARTS[part]})
    masked = masked_message(message)
    assert SECRET not in stored(masked)
    assert masked.adjusted
    assert all(each.startswith("masked: ") for each in masked.adjusted)
    assert masked_message(masked) == masked
    assert read("1", masked.alert_type, masked.model_dump_json(), PAYLOAD_VERSION) == (
        masked,
        None,
    )  # it is still valid


def test_every_part_that_holds_text_is_tested() -> None:
    held = {name for given in PARTS.values() for name in given}
    without = {"id", "alert_type", "severity", "color", "timestamp", "thread_id", "mentions", "tts", "silent"}
    without |= {
        "suppress_embeds",
        "applied_tags",
        "markdown",
        "plain",
        "long_text",
        "dedup_seconds",
        "resolved",
        "update",
        "progress",
        "count",
        "repeat",
        "dedup_text",
        "remind_seconds",
        "escalate_after",
        "escalate_to",
        "dedup_repost_after",
        "incident_thread",
        "if_not_open",
        "adjusted",
    }
    assert set(NotificationMessage.model_fields) == held | without


def stored(message: NotificationMessage) -> str:
    files = " ".join(each.content.decode(errors="replace") for each in message.files)
    return json.dumps(message.model_dump(mode="json")) + files


def test_a_message_without_a_secret_is_the_same_object() -> None:
    message = NotificationMessage(
        title="Disk full", message="see https://example.com/?page=2", metadata={"sha": "3d2f"}
    )
    assert masked_message(message) is message


def test_a_file_that_is_no_text_stays_byte_for_byte() -> None:
    content = b"\x89PNG\0" + URL.encode()
    (file,) = masked_message(NotificationMessage(title=URL, files=(MessageFile(name="a.png", content=content),))).files
    assert file.content == content


def test_a_picture_with_a_signed_link_is_still_loaded() -> None:
    signed = "https://s3.example.com/a.png?X-Amz-Signature=" + "0fake" * 8
    author = {"name": "A", "icon_url": signed}
    masked = masked_message(NotificationMessage(title=f"see {signed}", image=signed, author=author))
    assert masked.image == signed
    assert masked.author is not None
    assert masked.author.icon_url == signed
    assert signed not in masked.title


def test_what_was_masked_is_named_by_kind_and_never_repeated() -> None:
    masked = masked_message(NotificationMessage(title="T", message=f"{URL} Authorization: Bearer fake-token-1"))
    assert masked.adjusted == ("masked: Authorization header, password in a URL",)


def test_it_can_be_switched_off_and_patterns_be_added(monkeypatch: pytest.MonkeyPatch) -> None:
    message = NotificationMessage(title=URL, message="ticket ACME-12345678 no#9")
    monkeypatch.setenv("NOTIFIER_MASK_SECRETS", "off")
    assert prepare(message, Settings.load()) is message
    monkeypatch.setenv("NOTIFIER_MASK_SECRETS", "on")
    monkeypatch.setenv("NOTIFIER_SECRET_PATTERNS", r"ACME-\d{6,} no[#]\d")
    masked = prepare(message, Settings.load())
    assert (masked.title, masked.message) == ("https://bob:(masked)@example.com/a", "ticket (masked) xxx")


def test_a_pattern_that_takes_too_long_costs_no_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_SECRET_PATTERNS", "(a|aa)+$")
    masked = prepare(NotificationMessage(title="a" * 50 + "b"), Settings.load())
    assert masked.title == "a" * 50 + "b"
    assert masked.adjusted == ("NOTIFIER_SECRET_PATTERNS took too long: not all of it was looked for",)
