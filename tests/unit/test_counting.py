"""One is one thing, and more are several."""

import re
from pathlib import Path

import pytest

from notifier import counting

NOTIFIER = Path(counting.__file__).parent
COUNTED_BY_HAND = re.compile(
    r"""\{(?:count|len\([^}]*|[\w.]*\.(?:count|total\(\)|left))\} (?:more |other )?(?!is)[a-z]+s\b"""
)


@pytest.mark.parametrize(
    ("count", "words", "told"),
    [
        (0, ("alert",), "0 alerts"),
        (1, ("alert",), "1 alert"),
        (2, ("alert",), "2 alerts"),
        (1, ("entry", "entries"), "1 entry"),
        (2_000, ("entry", "entries"), "2,000 entries"),
    ],
)
def test_a_count_in_words(count: int, words: tuple[str, ...], told: str) -> None:
    assert counting.counted(count, *words) == told


def test_nothing_is_counted_by_hand() -> None:
    found = {
        f"{path.relative_to(NOTIFIER)}: {each[0]}"
        for path in NOTIFIER.rglob("*.py")
        for each in COUNTED_BY_HAND.finditer(path.read_text(encoding="utf-8"))
    }
    assert found == ALLOWED


ALLOWED = {
    "cli/templates.py: {count} templates",
    "message_parts.py: {len(values)} values",
    "operations/short_ids.py: {len(found)} ids",
    "render/incident.py: {state.count} times",
    "webhook.py: {len(urls)} webhooks",
    "worker/silence_watch.py: {silenced.count} alerts",
}
"""Which say something else of one, or are never of one."""
