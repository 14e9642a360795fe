"""Any notification that the model takes, often with lengths at Discord's limits."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from notifier.models import NotificationMessage

EDGES = (1, 255, 256, 257, 1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 4097, 6000, 6001)
ALPHABETS = (
    "x",
    "é",
    "🎵",
    "👩\u200d👩\u200d👧 ",
    "e\u0301",
    "🇩🇪",
    "```\n",
    "a b\n",
    "`",
    "\u200d",
    "@everyone <@&1> ",
    "\x1f",
)


def repeated(maximum: int) -> st.SearchStrategy[str]:
    """Text of a length at or near a limit."""
    lengths = st.sampled_from([each for each in EDGES if each <= maximum]) | st.integers(1, maximum)
    built = st.builds(lambda unit, size: (unit * size)[:size], st.sampled_from(ALPHABETS), lengths)
    return (built | st.text(st.characters(exclude_categories=["Cs"]), max_size=60)).map(lambda text: f"{text}.")


texts = repeated(7_000)
short = repeated(1_100).map(lambda text: text[:1_000])
fields = st.lists(st.fixed_dictionaries({"name": short, "value": texts, "inline": st.booleans()}), max_size=30)
snowflakes = st.integers(0, 2**63 - 1).map(str)
mentions = st.sampled_from(["@everyone", "@here"]) | st.builds(
    "<@{}{}>".format, st.sampled_from(["", "&", "!"]), snowflakes
)
LINKS = ("https://one.invalid/", "https://one.invalid", "http://two.invalid/a?b=c#d", "http://grafana:3000/d/1")
urls = st.sampled_from(LINKS) | st.integers(1, 2_000).map(lambda size: "https://long.invalid/" + "x" * size)
times = st.datetimes(
    datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.sampled_from([UTC, timezone(timedelta(hours=-14))])
)
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=70).map(lambda name: f"the {name} bot")

LOOKS: dict[str, st.SearchStrategy[Any]] = {
    "username": st.none() | names,
    "avatar_url": st.none() | urls,
    "thread_id": st.none() | snowflakes,
    "mentions": st.lists(mentions, max_size=50),
}


def messages(**fixed: Any) -> st.SearchStrategy[NotificationMessage]:
    """Any valid notification; ``fixed`` values are given as they are."""
    free = {
        "title": texts,
        "message": texts | st.just(""),
        "url": st.none() | urls,
        "fields": fields,
        "timestamp": times,
        "source": st.none() | texts,
        "color": st.none() | st.integers(0, 0xFFFFFF),
        **LOOKS,
        **{name: st.just(value) for name, value in fixed.items()},
    }
    return st.fixed_dictionaries(free).filter(_valid).map(lambda values: NotificationMessage(**values))


def _valid(values: dict[str, Any]) -> bool:
    name = (values["username"] or "").lower()
    return "discord" not in name and "clyde" not in name
