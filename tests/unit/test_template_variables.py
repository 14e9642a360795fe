"""A template's variables: declared with types, checked by name, and named in every error."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from notifier.errors import InvalidMessage, TemplateError
from notifier.models import AlertType, NotificationMessage
from notifier.plain_text import plain
from notifier.settings import settings
from notifier.templates import check_template, load_template, problems, render_template, template_names
from tests.unit.test_templates import GOOD, write

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def declaring(folder: Path, declaration: str, title: str = "{{ v }}") -> Path:
    return write(folder, f'alert_type = "general"\ntitle = """T{title}"""\n[variables]\n{declaration}\n')


def title_of(folder: Path, **given: Any) -> str:
    return render_template("mine", templates_dir=folder, overrides={"markdown": False}, **given).title[1:]


@dataclass
class Broken:
    text: str = "x"

    def __int__(self) -> int:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")


TAKEN: list[tuple[str, Any, str]] = [
    *[("text", "a", "a"), ("text", 5, "5"), ("text", Path("/x"), "/x"), ("text", ValueError("no"), "ValueError: no")],
    *[("text", b"\xff", "\ufffd"), ("text", ["a", "b"], "a\nb"), ("text", "\ud800", "\ufffd"), ("text", None, "–")],
    *[("text", "", "–"), ("text", Broken(), '{"text": "x"}'), ("any", None, "–")],
    *[("integer", 5, "5"), ("integer", "5", "5"), ("integer", 5.0, "5"), ("integer", Decimal(5), "5")],
    *[("number", 0.5, "0.5"), ("number", "0.5", "0.5"), ("number", "7", "7"), ("number", Decimal("0.10"), "0.10")],
    *[("boolean", True, "True"), ("boolean", "no", "False"), ("boolean", 1, "True"), ("boolean", "ON", "True")],
    *[("time", NOON, str(NOON)), ("time", NOON.isoformat(), str(NOON)), ("time", NOON.timestamp(), str(NOON))],
    *[("time", str(NOON.timestamp()), str(NOON)), ("time", date(2026, 1, 31), "2026-01-31 00:00:00+00:00")],
    *[("duration", 90, "90.0"), ("duration", "1.5", "1.5"), ("duration", timedelta(minutes=2), "120.0")],
    *[
        ("list", ["a", 1], "a\n1"),
        ("list", ("a",), "a"),
        ("list", '["a", "b"]', "a\nb"),
        ("list", {"a": 1}.keys(), "a"),
    ],
    *[
        ("mapping", {"a": 1}, '{"a": 1}'),
        ("mapping", OrderedDict(a=1), '{"a": 1}'),
        ("mapping", '{"a": 1}', '{"a": 1}'),
    ],
]


@pytest.mark.parametrize(("kind", "given", "shown"), TAKEN)
def test_a_value_that_can_be_of_the_type_is_taken(tmp_path: Path, kind: str, given: Any, shown: str) -> None:
    assert title_of(declaring(tmp_path, f'v = {{ type = "{kind}" }}'), v=given) == shown


REFUSED: list[tuple[str, Any, str]] = [
    *[("integer", "many", "expected an integer, not the text 'many'"), ("integer", 1.5, "not float")],
    *[("integer", True, "not bool"), ("integer", [1], "not list"), ("integer", None, "not NoneType")],
    *[("integer", Broken(), "not Broken"), ("integer", "9" * 5_000, "not the text '9")],
    *[("number", "x", "expected a number, not the text 'x'"), ("number", False, "not bool")],
    *[("boolean", "maybe", "expected a boolean"), ("boolean", 2, "not int")],
    *[("time", "soon", "expected a time, not the text 'soon'"), ("time", [], "not list"), ("time", 1e300, "not float")],
    *[("duration", "a while", "expected a duration")],
    *[("list", "a", "expected a list, not the text 'a'"), ("list", 5, "not int"), ("list", {"a": 1}, "not dict")],
    *[("mapping", "a", "expected a mapping"), ("mapping", [1], "not list"), ("list", "[" * 100_000, "expected a list")],
]


@pytest.mark.parametrize(("kind", "given", "told"), REFUSED)
def test_a_value_of_another_type_is_named(tmp_path: Path, kind: str, given: Any, told: str) -> None:
    folder = declaring(tmp_path, f'v = {{ type = "{kind}" }}')
    with pytest.raises(TemplateError, match=r"^mine\.toml: 'v': expected an? ") as caught:
        title_of(folder, v=given)
    assert told in str(caught.value)


def test_all_that_is_wrong_is_named_at_once_with_the_nearest_names() -> None:
    with pytest.raises(TemplateError) as caught:
        render_template("tracklist_generated", recordin="r", tracks="many")
    assert str(caught.value) == (
        "tracklist_generated.toml: 'recordin' is no variable of it; recording?;"
        " 'tracks': expected an integer, not the text 'many'"
    )
    with pytest.raises(TemplateError, match=r"'tracks' is missing \(integer: How many tracks were found\.\)$"):
        render_template("tracklist_generated", recording="r")


def test_a_default_stands_for_what_is_not_given(tmp_path: Path) -> None:
    folder = declaring(tmp_path, 'v = { type = "integer", default = 3 }')
    assert [title_of(folder, **given) for given in ({}, {"v": None}, {"v": ""}, {"v": 0})] == ["3", "3", "3", "0"]
    folder = declaring(tmp_path, 'v = { type = "list", required = false }', "{% if v %}some{% else %}none{% endif %}")
    assert (title_of(folder), title_of(folder, v=[1])) == ("none", "some")


def test_a_default_may_be_made_of_other_variables() -> None:
    made = render_template("tracklist_generated", artist="Artist", title="Mix Title", tracks=15)
    assert made.fields[0].value == "Artist - Mix Title"
    assert render_template("tracklist_generated", recording="R", artist="A", tracks=1).fields[0].value == "R"
    with pytest.raises(TemplateError, match=r"'recording' is missing \(text: The recording"):
        render_template("tracklist_generated", artist="Artist", tracks=15)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('v = { type = "txet" }', "variables.v.type: Input should be 'text'"),
        ('v = { typ = "text" }', "variables.v.typ: unknown key; type?"),
        ('v = { type = "integer", default = "many" }', "variables.v: expected an integer, not the text 'many'"),
        ("v = { required = true, default = 1 }", "variables.v: required, and it has a default"),
        ("w = {}", "title: 'v' is no variable of it"),
        ("vv = {}", "title: 'v' is no variable of it; vv?"),
        ("v = {}\nw = { default = '{{ x }}' }", "variables.w.default: 'x' is no variable of it"),
        ("v = {}\n[example]\nw = 1", "example: 'w' is no variable of it; example: 'v' is missing (text)"),
        ("v = {type = 'integer'}\n[example]\nv = 'x'", "example: 'v': expected an integer, not the text 'x'"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_told_before_it_is_used(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        load_template("mine", declaring(tmp_path, text))
    assert str(caught.value).startswith(f"mine.toml: {told}")


def test_an_unknown_key_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        TemplateError, match=r"thumbnial: unknown key; thumbnail\?; variabels: unknown key; variables\?"
    ):
        load_template("mine", write(tmp_path, GOOD + "thumbnial = 'x'\n[variabels]\n"))


def test_a_template_may_set_all_that_a_message_has(tmp_path: Path) -> None:
    text = """
        alert_type = "error"
        title = "T {{ v }}"
        author = { name = "{{ v }}", url = "https://example.com/{{ v }}", icon_url = "{{ nothing }}" }
        thumbnail = "https://example.com/{{ v }}.png"
        image = "{{ nothing }}"
        footer_icon = "https://example.com/f.png"
        username = "Bot {{ v }}"
        content = "above {{ v }}"
        thread_name = "{{ v }}"
        timestamp = "2026-01-31T12:00:00Z"
        silent = true
        long_text = "split"
        traceback = "{{ v }}"
        mentions = ["role:5", "{{ nothing }}"]
        buttons = [{ label = "Open {{ v }}", url = "https://example.com/{{ v }}" }]
        metadata = { where = ["{{ v }}"], count = 3 }
        [poll]
        question = "{{ v }}?"
        answers = [{ text = "yes" }, { text = "no" }]
        [variables]
        v = {}
        nothing = { default = "" }
    """
    made = render_template("mine", templates_dir=write(tmp_path, text), v="x")
    assert made.adjusted == ()
    assert made.model_dump(mode="json", exclude_defaults=True, exclude={"id"}) == {
        "alert_type": "error", "title": "T x", "author": {"name": "x", "url": "https://example.com/x"},
        "thumbnail": "https://example.com/x.png", "footer_icon": "https://example.com/f.png", "username": "Bot x",
        "content": "above x", "thread_name": "x", "timestamp": "2026-01-31T12:00:00Z", "silent": True,
        "long_text": "split", "traceback": "x", "mentions": ["<@&5>"],
        "buttons": [{"label": "Open x", "url": "https://example.com/x"}], "metadata": {"where": ["x"], "count": 3},
        "poll": {"question": "x?", "answers": [{"text": "yes"}, {"text": "no"}]},
    }  # fmt: skip


def test_fields_and_metadata_that_are_given_beside_a_template_are_added(tmp_path: Path) -> None:
    write(tmp_path, GOOD + "metadata = { a = 1, b = 1 }\n[[fields]]\nname = 'n'\nvalue = 'v'")
    given: list[Any] = [{"o": 1}, [{"name": "o", "value": 1}], {"name": "o", "value": 1}, [("o", 1)]]
    for fields in given:
        own = {"fields": fields, "metadata": {"b": 2}}
        made = render_template("mine", templates_dir=tmp_path, overrides=own)
        assert [(each.name, each.value) for each in made.fields] == [("n", "v"), ("o", "1")]
        assert made.metadata == {"a": 1, "b": 2}


def test_the_users_folder_wins_from_python_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_TEMPLATES_DIR", str(write(tmp_path, GOOD, "service_error")))
    settings.cache_clear()
    try:
        assert render_template("service_error").title == "T"
        assert NotificationMessage.from_template("service_error").title == "T"
        assert NotificationMessage(template="service_error").title == "T"
        write(tmp_path, 'alert_type = "general"\ntitle = "U"\n', "service_error")
        assert render_template("service_error").title == "U", "it is read again"
        assert "service_error" in template_names()
    finally:
        settings.cache_clear()


def test_a_message_is_made_from_a_template_by_name() -> None:
    made = NotificationMessage.from_template("tracklist_generated", artist="A", title="B", tracks=2)
    assert (made.alert_type, made.title, made.fields[0].value) == (
        AlertType.TRACKLIST,
        "🎵 Tracklist Generated",
        "A - B",
    )
    own = {"id": "own", "title": "Other", "alert_type": "general"}
    changed = NotificationMessage.from_template("service_error", overrides=own, service="s", error="e")
    assert (changed.id, changed.title, changed.alert_type, changed.source) == ("own", "Other", AlertType.GENERAL, "s")
    try:
        raise ValueError("boom")
    except ValueError as error:
        with_traceback = NotificationMessage(
            template="service_error", context={"service": "s", "error": error}, exception=error
        )
    assert with_traceback.title == "s: ValueError: boom"
    assert (with_traceback.traceback or "").endswith("ValueError: boom")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"context": {}}, "context: it holds the variables of a template, and no template is given"),
        ({"template": 5}, "template: expected its name, not int"),
        ({"template": "service_error", "context": "x"}, "context: expected a mapping .*, not str"),
        ({"template": "service_error"}, "'service' is missing .*; 'error' is missing"),
        ({"template": "nope"}, "no template 'nope'"),
        ({"template": "service_error", "context": {"service": "s", "error": "e"}, "titel": 1}, "titel: .*; title?"),
        ({"templat": "service_error"}, r"templat: .*; template\?"),
    ],
)
def test_what_is_wrong_with_it_is_an_invalid_message(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidMessage, match=told):
        NotificationMessage(**given)


def test_a_broken_template_is_listed_and_costs_no_other(tmp_path: Path) -> None:
    write(tmp_path, "title = ", "broken")
    write(tmp_path, GOOD, "Loud")
    write(tmp_path, GOOD + "url = '{{ v }}'\n[variables]\nv = {}\n[example]\nv = 'no link'", "odd")
    write(tmp_path, "title = 5", "service_error")
    write(tmp_path, GOOD + "message = '{{ v.x.y }}'\n[example]\nv = {}", "missing")
    write(tmp_path, GOOD + "message = '{{ v }}'", "old")
    found = problems(tmp_path)
    assert sorted(found) == ["Loud", "broken", "missing", "odd", "service_error"]
    assert found["broken"].startswith("broken.toml: ")
    assert found["Loud"].startswith("Loud.toml: a name is of a-z")
    assert found["odd"].startswith("odd.toml: of its example, url: ")
    assert found["service_error"] == "service_error.toml: alert_type: Field required"
    assert render_template("tracklist_generated", templates_dir=tmp_path, recording="r", tracks=1)
    check_template("old", tmp_path)
    assert problems(tmp_path / "nowhere") == {str(tmp_path / "nowhere"): "NOTIFIER_TEMPLATES_DIR: no such folder"}


DURATIONS: dict[float, str] = {
    0: "0 s",
    0.0123: "0.0123 s",
    59.94: "59.9 s",
    60: "1 min",
    95: "1 min 35 s",
    3725: "1 h 2 min",
    90_000: "1 d 1 h",
    86_405: "1 d",
    -90: "-1 min 30 s",
    1e300: "1e+300",
    float("nan"): "nan",
}


@pytest.mark.parametrize(
    ("text", "given", "shown"),
    [
        ("{{ v | code }}", "a\n```\n*b*", "```\na\n`\u200b``\n*b*\n```"),
        ("{{ v | code('py') }}", "x = 1", "```py\nx = 1\n```"),
        ("({{ v | code }})", " \n", "()"),
        ("{{ v | time }}", NOON, f"<t:{NOON.timestamp():.0f}:f>"),
        ("{{ v | time('R') }}", NOON, f"<t:{NOON.timestamp():.0f}:R>"),
        ("({{ v | time }}{{ v | duration }}{{ v }})", None, "()"),
        *[("{{ v | duration }}", *each) for each in DURATIONS.items()],
    ],
)
def test_filters_of_our_own(tmp_path: Path, text: str, given: Any, shown: str) -> None:
    write(tmp_path, f"alert_type = 'general'\ntitle = 'T'\nmessage = '''{text}'''")
    made = render_template("mine", templates_dir=tmp_path, v=given)
    assert made.message == (plain(shown) if "duration" in text else shown)
