"""The sizes that a preview shows are what Discord counts, against Discord's own limits."""

import pytest

from notifier.models import NotificationMessage
from notifier.render import limits
from notifier.render.batch import compose
from notifier.render.sizes import Size, sizes
from notifier.render.split import parts_of


def test_every_part_that_is_there_is_measured_and_no_other() -> None:
    message = NotificationMessage(
        title="Four",
        message="ab 👍",
        fields={"Host": "db1"},
        author="Me",
        source="src",
        content="top",
        username="Bot",
        thread_name="post",
        applied_tags=["1", "2"],
        files=[("a.txt", b"12345")],
        poll={"question": "Why?", "answers": ["a", "b"]},
        buttons={"Go": "https://example.com/"},
    )
    found = {each.part: (each.size, each.limit) for each in sizes(compose([message]))}
    assert found == {
        "content": (3, 2_000),
        "username": (3, 80),
        "thread_name": (4, 100),
        "applied_tags": (2, 5),
        "embeds.0.author": (2, 256),
        "embeds.0.title": (4, 256),
        "embeds.0.description": (4, 4_096),
        "embeds.0.fields": (1, 25),
        "embeds.0.fields.0.name": (4, 256),
        "embeds.0.fields.0.value": (3, 1_024),
        "embeds.0.footer": (3, 2_048),
        "embeds": (20, 6_000),
        "components": (1, 25),
        "components.0.0.label": (2, 80),
        "components.0.0.url": (20, 512),
        "poll.question": (4, 300),
        "poll.answers": (2, 10),
        "poll.answers.0": (1, 55),
        "poll.answers.1": (1, 55),
        "files": (1, 10),
        "files.0": (5, 10 * 2**20),
    }


@pytest.mark.parametrize("long_text", ["attach", "split"])
def test_nothing_is_over_a_limit_and_a_long_text_fills_one(long_text: str) -> None:
    message = NotificationMessage(title="t" * 300, message="word " * 3_000, long_text=long_text)
    found = [each for part in parts_of(message) for each in sizes(compose([part]))]
    assert all(each.size <= each.limit for each in found)
    assert any(each.size > 0.9 * limits.DESCRIPTION_CHARACTERS_MAX for each in found)
    assert Size("files", 1, 10, "") in found or long_text == "split"
