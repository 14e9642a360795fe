"""No alert is refused for its form: a value that has a text is that text, and what was changed is said."""

import enum
import importlib.util
import inspect
import io
import logging
import runpy
import sys
import uuid
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic.color import COLORS_BY_NAME

import notifier
from notifier.attached import BYTES_MAX
from notifier.colours import OURS, colour_of
from notifier.message_parts import LinkButton, MessageFile, Poll
from notifier.models import MESSAGE_BYTES_MAX, NotificationMessage, Severity
from notifier.plain_text import plain
from notifier.render.batch import compose
from notifier.texts import CHARACTERS_MAX, DiscordTime, jsonable, text_of


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"title": "T", **more})


class Level(enum.Enum):
    LOW = 1


class Word(enum.StrEnum):
    WORD = "a word"


@dataclass
class Host:
    name: str
    port: int


class Model(BaseModel):
    at: datetime


class Lazy(str):
    """As Django's and Babel's: its text is made when it is asked for."""

    __slots__ = ()

    def __str__(self) -> str:
        return "lazy"


class Broken:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__


class Hostile:
    """Raises whatever it is asked."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


Point = namedtuple("Point", "x y")
CYCLE: list[Any] = []
CYCLE.append(CYCLE)
DEEP: list[Any] = []
for _ in range(5_000):
    DEEP = [DEEP]

TEXTS: list[tuple[Any, str]] = [
    (True, "True"),
    (1.5, "1.5"),
    (Decimal("1.50"), "1.50"),
    (datetime(2024, 1, 1, 12, tzinfo=UTC), "2024-01-01 12:00:00+00:00"),
    (date(2024, 1, 1), "2024-01-01"),
    (timedelta(hours=1), "1:00:00"),
    (uuid.UUID(int=5), str(uuid.UUID(int=5))),
    (Path("/var/log"), "/var/log"),
    (Level.LOW, "LOW"),
    (Word.WORD, "a word"),
    (b"caf\xc3\xa9 \xff", "café \ufffd"),
    (bytearray(b"a"), "a"),
    (ValueError("why"), "ValueError: why"),
    (KeyError(), "KeyError"),
    (Host("db1", 5), '{"name": "db1", "port": 5}'),
    (Model(at=datetime(2024, 1, 1)), '{"at": "2024-01-01 00:00:00"}'),
    (Point(1, 2), '{"x": 1, "y": 2}'),
    (["a", 1, ["b"]], 'a\n1\n["b"]'),
    (("a", None), "a\n"),
    ({"a": {"b": {1}}}, '{"a": {"b": [1]}}'),
    (OrderedDict(a=1), '{"a": 1}'),
    (Lazy("x"), "lazy"),
    ("a\ud800b", "a\ufffdb"),
    (10**5_000, hex(10**5_000)),
    (float("nan"), "nan"),
    (Broken(), "<Broken>"),
    (CYCLE, "…"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[type(value).__name__ for value, _ in TEXTS])
def test_a_value_that_has_a_text_is_that_text_in_every_place(value: Any, text: str) -> None:
    message = alert(title=value, message=value, fields={"name": value}, source=value)
    shown = text.strip()
    assert (message.title, message.message, message.fields[0].value, message.source) == (shown,) * 4
    is_markdown = isinstance(value, str) and not isinstance(value, enum.Enum)
    makes_a_difference = not is_markdown and (plain(text) != text or len(text) > 1_000)
    assert message.plain == (("title", "message") if makes_a_difference else ())
    assert message.fields[0].markdown is (False if makes_a_difference else None)
    assert NotificationMessage.model_validate_json(message.model_dump_json()) == message


HOSTILE: dict[str, Callable[[], Any]] = {
    "raises": Hostile,
    "deep": lambda: DEEP,
    "deep mapping": lambda: {"a": DEEP},
    "wide": lambda: [[0] * 3_000] * 3_000,
    "long": lambda: "x" * 2 * CHARACTERS_MAX,
    "endless": lambda: range(10**9),
}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[pytest.mark.slow] * (kind in {"wide", "long", "endless"})) for kind in HOSTILE],
)
@pytest.mark.parametrize("name", sorted(NotificationMessage.model_fields.keys() - {"id", "alert_type"}))
def test_no_value_raises_or_goes_on_for_ever(kind: str, name: str) -> None:
    message = alert(**{name: HOSTILE[kind]()})
    assert len(message.model_dump_json().encode()) <= MESSAGE_BYTES_MAX
    assert compose([message]).body["embeds"]


def test_an_empty_value_is_not_given_and_in_a_field_a_dash() -> None:
    for value in (None, "", " \n"):
        names = NotificationMessage.model_fields.keys() - {"id", "fields", "plain", "adjusted"}
        message = NotificationMessage(**dict.fromkeys(names, value), fields={"a": value})
        assert (message.title, message.message, message.fields[0].value) == ("General", "", "–")
        assert message.adjusted == ()
    assert alert(fields=[("", "x")]).fields[0].name == "–"


def test_without_a_title_it_is_the_first_line_or_the_name_of_the_type() -> None:
    message = NotificationMessage(message="first line\n\nand more")
    assert (message.title, message.message) == ("first line", "and more")
    long = NotificationMessage(message="x" * 1_000)
    assert (len(long.title), len(long.message)) == (201, 1_000)
    assert NotificationMessage(alert_type="security").title == "Security"
    assert NotificationMessage(message=b"__bytes__").plain == ("message", "title")


def _raised() -> Exception:
    try:
        raise KeyError("missing")
    except KeyError as error:
        return error


def test_an_exception_brings_its_traceback() -> None:
    error = _raised()
    for more in ({"exception": error}, {"exc_info": error}, {"exc_info": (type(error), error, error.__traceback__)}):
        message = NotificationMessage(**more)
        assert message.title == "KeyError: 'missing'"
        assert message.plain == ()
        assert str(message.traceback).startswith("Traceback (most recent call last):")
    assert alert(exception=error).title == "T", "the caller's own"
    assert alert(message=error).traceback == message.traceback
    assert alert(exception=ValueError("never raised")).traceback is None
    try:
        raise error
    except KeyError:
        assert NotificationMessage(exc_info=True).title == message.title
    assert NotificationMessage(exc_info=True).title == "General", "there is none"
    assert sys.exc_info()[1] is None


def test_a_moment_for_the_reader_is_discords() -> None:
    moment = DiscordTime(datetime(2024, 1, 1), "R")
    message = alert(message=moment, fields={"At": moment})
    assert (message.message, message.plain, message.fields[0].markdown) == ("<t:1704067200:R>", (), None)


COLOURS: list[tuple[Any, int | None]] = [
    ("red", OURS["red"]),
    ("Dark Red", OURS["dark red"]),
    *(
        (value, 0xFF0000)
        for value in ("#f00", "#F00", "ff0000", "0xff0000", "#ff0000", "rgb(255, 0, 0)", "rgb(100% 0% 0%)")
    ),
    *((value, 255) for value in (255, "255", 255.0, "#0000ff", (0, 0, 255))),
    *((value, 0x00FF00) for value in ("hsl(120, 100%, 50%)", "HSL(120deg 100% 50%)", "hsla(-240 100 50 / 50%)")),
    *((value, 0xBF40BF) for value in ("hsl(300, 50%, 50%)", "hsl(0.83333333turn 50% 50%)", "hsl(333.33333grad 50 50)")),
    ("hsl(5.23598776rad 50% 50%)", 0xBF40BF),
    *((value, None) for value in ("hsl(1.2.3, 1%, 1%)", "hsl(120)", "hsl(red, 1%, 1%)")),
    ("blurple", 0x5865F2),
    ("rebeccapurple", 0x663399),
    ("light-gray", 0x979C9F),
    ("LightGrey", 0xD3D3D3),
    (0, 0),
    *(
        (value, None)
        for value in (-1, 2**24, "nocolour", "#12345", "", 1.5, True, "999999999", "rgb(a)", object(), "٣")
    ),
]


@pytest.mark.parametrize(("value", "colour"), COLOURS, ids=[str(value)[:20] for value, _ in COLOURS])
def test_a_colour_is_what_people_mean_by_it(value: Any, colour: int | None) -> None:
    assert colour_of(value) == colour
    assert alert(color=value).color == colour


def test_all_names_of_css_and_of_discord_py_are_colours() -> None:
    """Where both have a name, it is Discord's colour; ours are those of the severities."""
    found = importlib.util.find_spec("discord")
    assert found is not None
    colours = runpy.run_path(str(Path(str(found.origin)).with_name("colour.py")))  # all of it takes half a second
    theirs = dict(inspect.getmembers(colours["Colour"], inspect.ismethod))
    names = [name for name, make in theirs.items() if name != "random" and not name.startswith("from_")]
    changing = {name for name in names if name.endswith(("_theme", "_embed"))}  # with discord.py's versions
    assert len(names) > 30
    for name in names:
        assert colour_of(name) is not None, name
        assert name in changing | OURS.keys() or colour_of(name) == theirs[name]().value, name
    css = {name: red << 16 | green << 8 | blue for name, (red, green, blue) in COLORS_BY_NAME.items()}
    assert len({*css, "rebeccapurple"}) == 148
    assert {name for name in css if colour_of(name) != css[name]} <= {*names, *OURS, "gray", "grey"}


def test_a_time_for_each_reader_is_offered_by_the_package() -> None:
    moment = notifier.DiscordTime(datetime(2026, 1, 31, 12, tzinfo=UTC), "R")
    message = alert(message=f"since {moment}", fields={"Since": moment})
    assert (message.message, message.fields[0].value, message.fields[0].markdown) == (
        *("since <t:1769860800:R>", "<t:1769860800:R>", None),
    )
    assert "DiscordTime" in notifier.__all__


ADJUSTED: list[tuple[str, Any, Any]] = [
    *(("url", value, None) for value in ("ftp://a", "javascript:alert(1)", "https://", "https://a b", 5)),
    *(("avatar_url", value, None) for value in ("attachment://a.png", "https://a/" + "x" * 2048)),
    ("image", "chart.png", None),
    ("color", "nocolour", None),
    ("severity", "bad", None),
    *(("timestamp", value, ...) for value in ("yesterday", "2024-13-01T00:00:00Z", 10**30, [], object())),
    ("username", "My Discord Bot", "My Disc0rd Bot"),
    ("username", "CLYDE", "CLYD3"),
    ("username", "Here", "Here_"),
    ("username", "a\x00\n b", "a b"),
    ("username", "\x00\x07", None),
    *(("thread_id", value, None) for value in ("abc", "-1", str(2**63), "²")),
    ("applied_tags", ["5", "x"], ("5",)),
    ("mentions", ["@someone", "<@5>", f"<@{2**63}>"], ("<@5>",)),
    ("mentions", ["@here"] * 51, ("@here",) * 50),
    ("tts", "perhaps", True),
    ("long_text", "squeeze", None),
    ("metadata", [1], {"value": [1]}),
    ("poll", "Roll back?", Poll(question="Roll back?", answers=())),
    ("poll", {"answers": ["a"]}, None),
    ("files", [Path("/nowhere/at/all")], ()),
    ("buttons", {"Run": "no link"}, ()),
]


@pytest.mark.parametrize(("name", "value", "kept"), ADJUSTED)
def test_what_a_field_cannot_take_is_left_out_or_replaced_and_said(name: str, value: Any, kept: Any) -> None:
    message = alert(**{name: value})
    assert kept is ... or getattr(message, name) == kept
    assert message.adjusted
    assert all(each.startswith(f"{name}: ") for each in message.adjusted)
    again = NotificationMessage.model_validate_json(message.model_dump_json())
    assert again.adjusted == message.adjusted, "said once"


@pytest.mark.parametrize(
    ("given", "note"),
    [
        ({"author": {"name": "A", "icon": "https://a.invalid/i.png"}}, "author: no part icon; icon_url?"),
        ({"poll": {"question": "q", "answers": [{"text": "a", "emojy": "x"}]}}, "poll: no part emojy; emoji?"),
        ({"poll": {"question": "q", "answers": ["a"], "length": 2}}, "poll: no part length"),
        ({"poll": {"question": "q", "answers": ["a"], "hours": "soon"}}, "poll: hours: no number; 24"),
        ({"buttons": [{"label": "A", "url": "https://a.invalid/", "colour": 5}]}, "buttons: no part colour"),
        ({"files": [{"name": "a", "contents": b"x"}]}, "files: no part contents; content?"),
    ],
)
def test_a_part_that_is_none_is_said(given: Any, note: str) -> None:
    message = alert(**given)
    assert message.adjusted == (note,)
    assert NotificationMessage.model_validate_json(message.model_dump_json()) == message


def test_an_id_is_any_value_that_has_a_text() -> None:
    assert alert(id=uuid.UUID(int=5)).id == str(uuid.UUID(int=5))
    assert (alert(id=Word.WORD).id, alert(id=b"a").id, alert(id=5).id) == ("a word", "a", "5")
    assert alert(id=None).id != alert(id="").id


def test_a_link_that_is_none_stays_as_text() -> None:
    message = alert(message="m", url="grafana/d/1", image="/srv/a.png", buttons=[("Open", "ftp://a")])
    assert message.message == "m\n\ngrafana/d/1\n\n/srv/a.png\n\nOpen: ftp://a"


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        ("WARN", Severity.WARNING),
        ("fatal", Severity.CRITICAL),
        ("err", Severity.ERROR),
        ("Notice", Severity.INFO),
        (logging.CRITICAL, Severity.CRITICAL),
        (logging.WARNING, Severity.WARNING),
        (35, Severity.WARNING),
    ],
)
def test_a_severity_is_what_others_call_it(value: Any, severity: Severity) -> None:
    message = alert(severity=value)
    assert (message.severity, message.adjusted) == (severity, ())


@pytest.mark.parametrize(
    ("value", "stamp"),
    [
        ("2024-01-01T12:00:00Z", 1704110400),
        ("2024-01-01T12:00:00", 1704110400),
        (date(2024, 1, 1), 1704067200),
        (1704110400, 1704110400),
        ("1704110400.0", 1704110400),
        (1704110400000, 1704110400),
    ],
)
def test_a_time_is_a_date_a_text_or_a_number_of_seconds(value: Any, stamp: int) -> None:
    assert alert(timestamp=value).timestamp.timestamp() == stamp


def test_fields_come_in_any_form() -> None:
    class Field:
        name, value, inline = "Tracks", 15, True

    wanted = [("Tracks", "15", True)]
    for form in (
        [{"name": "Tracks", "value": 15, "inline": "yes"}],
        {"name": "Tracks", "value": 15, "inline": True},
        [("Tracks", 15, True)],
        [Field()],
        alert(fields=[("Tracks", 15, 1)]).fields,
    ):
        assert [(each.name, each.value, each.inline) for each in alert(fields=form).fields] == wanted
    assert [(each.name, each.value) for each in alert(fields={"a": 1, "b": None}).fields] == [("a", "1"), ("b", "–")]
    assert alert(fields="only a text").fields[0].value == "only a text"
    assert len(alert(fields={str(number): number for number in range(10_000)}).fields) == 10_000


def test_files_come_in_any_form(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"1,2")
    with path.open("rb") as opened:
        message = alert(
            files=[path, opened, ("b.txt", "text"), b"bytes", "text", {"name": "c", "content": b"c"}, io.BytesIO(b"d")]
        )
    assert [(each.name, each.content) for each in message.files] == [
        ("a.csv", b"1,2"),
        ("a.csv", b"1,2"),
        ("b.txt", b"text"),
        ("file-4.bin", b"bytes"),
        ("file-5.txt", b"text"),
        ("c", b"c"),
        ("file-7.bin", b"d"),
    ]
    assert alert(files=path).files == alert(files=[path]).files
    assert alert(files=str(path)).files[0].content == str(path).encode(), (
        "a text is never a path: it may come from elsewhere"
    )


def test_files_by_name_and_what_gives_files_one_by_one_are_many(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(name)
    paths = sorted(tmp_path.iterdir())
    wanted = [("a.log", b"a.log"), ("b.log", b"b.log")]
    by_name = {path.name: path for path in paths}
    for form in (
        {"a.log": "a.log", "b.log": b"b.log"},
        {"a.log": io.BytesIO(b"a.log"), "b.log": paths[1]},
        by_name.values(),
        iter(paths),
        [("a.log", paths[0]), ("b.log", io.StringIO("b.log"), "text/plain")],
        [{"name": "a.log", "content": paths[0]}, ("b.log", bytearray(b"b.log"))],
    ):
        message = alert(files=form, image="b.log")
        assert [(each.name, each.content) for each in message.files] == wanted
        assert message.adjusted == ()
    assert alert(files=("c.log", paths[0])).files == (MessageFile(name="c.log", content=b"a.log"),)
    assert alert(files=[("c", b"", "image/png")]).files[0].content_type == "image/png"


def test_files_are_bounded() -> None:
    many = alert(files=["x"] * 11)
    assert (len(many.files), len(many.adjusted)) == (9, 2)
    large = alert(files=[b"x" * (BYTES_MAX - 1), b"yy", b"z"])
    assert [len(each.content) for each in large.files] == [BYTES_MAX - 1, 1]
    assert large.adjusted == (f"files: file 2 left out: more than {BYTES_MAX} bytes together",)


def test_polls_buttons_and_authors_come_in_any_form() -> None:
    poll = alert(poll={"question": "q", "answers": ["a", ("b", "✅"), {"text": "c"}]}).poll
    assert poll == Poll(question="q", answers=[{"text": "a"}, {"text": "b", "emoji": "✅"}, {"text": "c"}])
    assert alert(poll=poll).poll == poll
    link = "https://a.invalid/"
    for form in (
        {"Open": link},
        [("Open", link)],
        [LinkButton(label="Open", url=link)],
        {"label": "Open", "url": link},
    ):
        assert alert(buttons=form).buttons == (LinkButton(label="Open", url=link),)
    for hours in (2, "2", 2.5, timedelta(hours=2)):
        poll = alert(poll={"question": "q", "answers": ["a"], "hours": hours, "multiple": "no"}).poll
        assert poll == Poll(question="q", answers=[{"text": "a"}], hours=2)
    for form in ("A", {"name": "A"}, ("A",)):
        author = alert(author=form).author
        assert author is not None
        assert author.name == "A"


def test_a_picture_may_be_one_of_the_files() -> None:
    file = MessageFile(name="chart.png", content=b"")
    assert alert(files=[file], image="chart.png", thumbnail="attachment://chart.png").adjusted == ()


def test_what_is_right_stays_as_it_is() -> None:
    for value in ("text", "ümläut", "a*b_c"):
        assert text_of(value) is value
    assert jsonable({"a": [1, None, True, "x"]}) == {"a": [1, None, True, "x"]}


def test_an_exception_that_is_given_as_its_text_is_not_lost() -> None:
    assert alert(exception="boom").traceback == "boom"
    assert alert(exception="boom", traceback="own").traceback == "own"
    for nothing in (None, "", False, (None, None, None)):
        assert alert(exception=nothing).traceback is None


@pytest.mark.parametrize(
    ("given", "kept", "said"),
    [
        ({"progress": "40 %", "dedup_key": "k"}, 0.4, ()),
        ({"progress": 7, "dedup_key": "k"}, 1.0, ()),
        ({"progress": 0}, 0.0, ("progress: of no effect: no dedup_key names an incident",)),
        (
            {"progress": "half", "dedup_key": "k"},
            None,
            ("progress: left out: expected a number from 0 to 1, or a percentage",),
        ),
        ({"resolved": True}, None, ("resolved: of no effect: no dedup_key names an incident",)),
        ({"resolved": False, "update": "no"}, None, ()),
        ({"repeat": "nope", "dedup_key": "k"}, None, ("repeat: left out: expected edit or replace",)),
        ({"dedup_text": "First", "if_not_open": " POST ", "dedup_key": "k"}, None, ()),
        ({"remind_seconds": timedelta(hours=1), "escalate_after": "900", "dedup_key": "k"}, None, ()),
        (
            {"escalate_after": 90_000, "dedup_key": "k"},
            None,
            ("escalate_after: left out: expected seconds, up to 86400; 0 is never",),
        ),
        (
            {"escalate_to": "Critical, role:123, error", "dedup_key": "k"},
            None,
            ("escalate_to: one left out: expected one alert type, and mentions such as 'role:123'",),
        ),
        ({"acknowledged_by": "ops"}, None, ("acknowledged_by: of no effect: no dedup_key names an incident",)),
        ({"dedup_repost_after": "20", "dedup_key": "k"}, None, ()),
        (
            {"dedup_repost_after": -1, "dedup_key": "k"},
            None,
            ("dedup_repost_after: left out: expected a number of messages, up to 1000; 0 is never",),
        ),
        ({"dedup_text": "last", "dedup_key": "k"}, None, ("dedup_text: left out: expected newest or first",)),
        ({"if_not_open": "post"}, None, ("if_not_open: of no effect: no dedup_key names an incident",)),
        ({"dedup_seconds": -1, "dedup_key": "k"}, None, ("dedup_seconds: left out: expected seconds, up to 2592000",)),
        (
            {"dedup_seconds": timedelta(hours=1), "dedup_key": "k" * 2_000},
            None,
            ("dedup_key: shortened to 1000 characters",),
        ),
    ],
)
def test_what_is_said_of_an_incident_is_read_and_what_has_no_effect_is_told(
    given: dict[str, object], kept: float | None, said: tuple[str, ...]
) -> None:
    message = NotificationMessage(title="x", **given)
    assert (message.progress, message.adjusted) == (kept, said)
