"""Any notification that the model takes, often with lengths at Discord's limits."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from notifier.message_parts import Author, LinkButton, MessageFile, Poll, PollAnswer
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

odd = st.sampled_from(["\u200b", "\x1f", "\x1f\x1f", "\u2800", "\ud7fb", "\x00", "0", "null", '"', "\\"]) | short
"""Also what Discord trims to nothing, though the model has seen a text in it."""
FILES = ("chart (1).png", "..", "a/b.log", "ä.txt", "a_b.log", 'a"b.txt', "a\r\nb", ".env", "CHART.PNG", "x" * 2_000)
file_names = st.sampled_from(FILES) | odd
pictures = st.none() | urls | file_names | file_names.map("attachment://{}".format)
kinds = st.none() | st.sampled_from(["image/png", "text/plain; charset=utf-8", "no kind", "a/b\r\nX: y", "é/è"]) | odd
files = st.lists(
    st.builds(
        MessageFile,
        name=file_names,
        content=st.binary(max_size=9) | texts,
        content_type=kinds,
        description=st.none() | odd,
    ),
    max_size=9,
)
emoji = (
    st.sampled_from(["✅", "<:name:12>", "<a:name:12>", "12", "1", "abc", ":x:", "9" * 19, "x" * 40, "👩\u200d👩"])
    | odd
)
buttons = st.lists(st.builds(LinkButton, label=odd, url=urls, emoji=st.none() | emoji), max_size=30)
answers = st.lists(st.builds(PollAnswer, text=odd, emoji=st.none() | emoji), max_size=12)
polls = st.builds(Poll, question=odd, answers=answers.map(tuple), hours=st.integers(), multiple=st.booleans())
authors = st.builds(Author, name=odd, url=st.none() | urls, icon_url=st.none() | urls)
EXTRAS: dict[str, st.SearchStrategy[Any]] = {
    "author": st.none() | authors,
    "thumbnail": pictures,
    "image": pictures,
    "footer_icon": st.none() | urls,
    "content": st.none() | texts | odd,
    "tts": st.booleans(),
    "silent": st.booleans(),
    "suppress_embeds": st.booleans(),
    "thread_name": st.none() | texts | odd,
    "applied_tags": st.lists(snowflakes, max_size=9),
    "files": files,
    "poll": st.none() | polls,
    "buttons": buttons,
    "traceback": st.none() | texts | odd,
}

LOOKS: dict[str, st.SearchStrategy[Any]] = {
    "username": st.none() | names,
    "avatar_url": st.none() | urls,
    "thread_id": st.none() | snowflakes,
    "mentions": st.lists(mentions, max_size=50),
}


def messages(**fixed: Any) -> st.SearchStrategy[NotificationMessage]:
    """Any valid notification; ```fixed`` values, or strategies, outweigh those here."""
    free = {
        "title": texts,
        "message": texts | st.just(""),
        "url": st.none() | urls,
        "fields": fields,
        "timestamp": times,
        "source": st.none() | texts,
        "color": st.none() | st.integers(0, 0xFFFFFF),
        **LOOKS,
        **{name: each if isinstance(each, st.SearchStrategy) else st.just(each) for name, each in fixed.items()},
    }
    return st.fixed_dictionaries(free).filter(_valid).map(lambda values: NotificationMessage(**values))


def _valid(values: dict[str, Any]) -> bool:
    name = (values["username"] or "").lower()
    return "discord" not in name and "clyde" not in name
