"""The message that Discord answers with has what its OpenAPI description says."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifier.sandbox.content_type import content_type
from tests.unit.sandbox.conftest import START, Discord


def sent(discord: Discord, **payload: Any) -> dict[str, Any]:
    answer = discord.post(payload)
    assert answer.status == 200, answer.body
    message: dict[str, Any] = json.loads(answer.body)
    return message


def test_a_poll_says_when_it_ends_and_that_nobody_has_voted(discord: Discord) -> None:
    answers = [{"poll_media": {"text": "yes", "emoji": {"name": "✅"}}}, {"poll_media": {"text": "no"}}]
    poll = sent(discord, poll={"question": {"text": "Ship?"}, "answers": answers, "duration": 48})["poll"]
    ends = datetime.fromtimestamp(START, UTC) + timedelta(hours=48)
    none = {"count": 0, "me_voted": False}
    assert poll == {
        "question": {"text": "Ship?"},
        "answers": [
            {"answer_id": 1, "poll_media": {"text": "yes", "emoji": {"id": None, "name": "✅"}}},
            {"answer_id": 2, "poll_media": {"text": "no"}},
        ],
        "expiry": ends.isoformat(),
        "allow_multiselect": False,
        "layout_type": 1,
        "results": {"answer_counts": [{"id": 1, **none}, {"id": 2, **none}], "is_finalized": False},
    }


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"layout_type": 2}, ["layout_type"]),
        ({"answers": [{}, {"poll_media": {"text": "a"}}]}, ["answers", "0"]),
        ({"answers": [{"x": 1}]}, ["answers", "0", "poll_media"]),
        ({"answers": [{"poll_media": {"text": "a", "emoji": {"name": "x"}}}]}, ["answers", "0", "poll_media", "emoji"]),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_poll_is_named(discord: Discord, changed: dict[str, Any], path: list[str]) -> None:
    usual = {"question": {"text": "q"}, "answers": [{"poll_media": {"text": "a"}}]}
    answer = discord.post({"poll": {**usual, **changed}})
    node = json.loads(answer.body)["errors"]["poll"]
    for step in path:
        node = node[step]
    assert "_errors" in str(node)


def test_mentioned_people_have_all_that_a_user_has(discord: Discord) -> None:
    mentioned = sent(discord, content="<@5>")["mentions"][0]
    # required of UserResponse (Discord's OpenAPI, specs/openapi.json)
    required = "id username avatar discriminator public_flags flags global_name primary_guild"
    assert set(mentioned) == set(required.split())


@pytest.mark.parametrize(
    ("name", "said", "data", "kind"),
    [
        ("a.txt", "application/unknown", b"x", "text/plain; charset=utf-8"),
        ("a.LOG", "", b"x", "text/plain; charset=utf-8"),
        ("a.txt", "application/octet-stream", b"\xff", "text/plain"),
        ("a.json", "text/plain", b"{}", "application/json"),
        ("a.png", "application/octet-stream", b"", "image/png"),
        ("a.webp", "", b"", "image/webp"),
        ("a.tar.gz", "application/gzip", b"", "application/gzip"),
        ("a", "application/x-own", b"", "application/x-own"),
        ("a", "application/unknown", b"", None),
    ],
)  # fmt: skip
def test_the_type_of_an_upload_is_told_from_its_name(name: str, said: str, data: bytes, kind: str | None) -> None:
    assert content_type(name, said, data) == kind
