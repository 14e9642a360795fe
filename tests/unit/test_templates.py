"""A template makes the alert it describes, names what is wrong with it, and cannot run without bound."""

import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from notifier import templates
from notifier.errors import TemplateError
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.outbox.preparation import prepare
from notifier.plain_text import plain
from notifier.render.batch import compose
from notifier.render.markdown import drawn
from notifier.settings import settings
from notifier.template_file import used_variables
from notifier.template_language import FILTERS, ITEMS_MAX, RENDERED_CHARACTERS_MAX
from notifier.templates import (
    BUILT_IN,
    load_template,
    problems,
    render_template,
    template_names,
)

GUIDE_EXAMPLE = json.loads("""
{
  "embeds": [{
    "title": "🎵 Tracklist Generated",
    "description": "Successfully generated tracklist for recording",
    "color": 3066993,
    "fields": [
      {"name": "Recording", "value": "Artist - Mix Title", "inline": true},
      {"name": "Tracks", "value": "15", "inline": true}
    ],
    "timestamp": "2024-01-01T12:00:00Z",
    "footer": {"text": "Tracklist Service"}
  }]
}
""")


def write(folder: Path, text: str, name: str = "mine") -> Path:
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


def saying(folder: Path, title: str) -> Path:
    """A folder whose template ``mine`` has this title."""
    return write(folder, f'alert_type = "general"\ntitle = {json.dumps(title)}\n')


def test_the_guides_example_comes_out_field_for_field() -> None:
    message = render_template(
        "tracklist_generated",
        recording="Artist - Mix Title",
        tracks=15,
        overrides={"timestamp": "2024-01-01T12:00:00Z"},
    )
    assert message.alert_type is AlertType.TRACKLIST
    assert compose([message]).body["embeds"] == GUIDE_EXAMPLE["embeds"]


@pytest.mark.parametrize(
    ("given", "title", "severity"),
    [
        ({"healthy": ["a", "b"]}, "💚 All 2 services are well", "info"),
        ({"healthy": ["a"]}, "💚 1 service is well", "info"),
        ({"healthy": ["a"], "down": ["b"]}, "🩺 1 of 2 services down", "error"),
        ({"down": ["b"]}, "🩺 1 of 1 service down", "error"),
        ({}, "❔ No service was looked at", "warning"),
    ],
)
def test_a_health_report_of_nothing_is_no_good_news(given: dict[str, Any], title: str, severity: str) -> None:
    message = render_template("health_report", **given)
    assert (message.title, message.severity) == (title, severity)


def test_the_folder_of_the_settings_is_searched_first_from_python_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'alert_type = "general"\ntitle = "Mine {{ service }}"\n', "service_error")
    monkeypatch.setenv("NOTIFIER_TEMPLATES_DIR", str(tmp_path))
    settings.cache_clear()
    try:
        assert NotificationMessage.from_template("service_error", service="api").title == "Mine api"
        assert NotificationMessage(template="service_error", context={"service": "api"}).title == "Mine api"
        assert render_template("critical", summary="built in").title
    finally:
        settings.cache_clear()


@pytest.mark.parametrize("name", template_names())
def test_each_built_in_template_renders_its_example_and_uses_all_of_it(name: str) -> None:
    template = load_template(name)
    assert template.description
    assert template.variables is not None
    assert used_variables(template) == template.variables.keys()
    assert all(each.description for each in template.variables.values())
    message = render_template(name, **template.example)
    assert message.alert_type is template.alert_type


def test_the_built_in_templates_are_these() -> None:
    assert BUILT_IN.name in ("templates", "_templates")
    assert template_names() == [
        *("backup", "critical", "deployment", "digest", "health_report", "job_failed", "job_finished", "job_started"),
        *("monitoring_threshold", "security_event", "service_error", "tracklist_generated"),
    ]


def test_nothing_is_wrong_with_any_of_them() -> None:
    assert problems() == {}


def test_a_field_that_renders_to_nothing_is_left_out() -> None:
    message = render_template("service_error", service="Import", error="Timeout", host="w3")
    assert [(field.name, field.value) for field in message.fields] == [("Host", "w3")]
    assert (message.title, message.source, message.message) == ("Import: Timeout", "Import", "")


def test_a_users_template_wins_over_the_built_in_one(tmp_path: Path) -> None:
    write(tmp_path, 'alert_type = "general"\ntitle = "Mine"\n', "service_error")
    write(tmp_path, 'alert_type = "general"\ntitle = "Hello {{ name }}"\n', "hello")
    assert render_template("service_error", templates_dir=tmp_path).title == "Mine"
    assert render_template("hello", templates_dir=tmp_path, name="you").title == "Hello you"
    assert render_template("tracklist_generated", templates_dir=tmp_path, recording="r", tracks=1)
    assert set(template_names(tmp_path)) == {"hello", *template_names()}


def test_overrides_win_over_what_the_template_says() -> None:
    message = render_template(
        "tracklist_generated",
        overrides={"id": "x1", "alert_type": "general", "title": "{{ t }}"},
        recording="r",
        tracks=1,
    )
    assert (message.id, message.alert_type, message.title) == ("x1", AlertType.GENERAL, "{{ t }}")


@pytest.mark.parametrize(
    ("line", "colour"),
    [
        *[("color = 3066993", 3066993), ('color = "red"', 0xE74C3C), ('color = "#00ff00"', 0x00FF00)],
        *[('color = "{{ number }}"', 7), ('color = "{{ nothing }}"', 0x2ECC71), ('severity = "{{ bad }}"', 0x992D22)],
    ],
)
def test_a_colour_is_a_number_a_name_or_follows_the_severity(tmp_path: Path, line: str, colour: int) -> None:
    write(tmp_path, f'alert_type = "general"\ntitle = "T"\n{line}\n')
    message = render_template("mine", templates_dir=tmp_path, number=7, nothing="", bad=Severity.CRITICAL)
    assert message.colour == colour


def test_jinja_in_a_value_is_data() -> None:
    message = render_template(
        "tracklist_generated", recording="{{ 7 * 7 }}{% for %}{# c #}", tracks=1, url="{{ tracks }}"
    )
    assert message.fields[0].value == "{{ 7 * 7 }}{% for %}{# c #}"
    assert message.message.endswith("{{ tracks }}"), "it is no link"


def test_values_are_shown_as_they_are(tmp_path: Path) -> None:
    assert render_template("mine", templates_dir=saying(tmp_path, "{{ x }}"), x="<b> & 'c'").title == "<b> & 'c'"
    template = saying(tmp_path, "*{{ x }}* {{ x | markdown }}")
    assert render_template("mine", templates_dir=template, x="_y_").title == "*\\_y\\_* _y_", (
        "but what a template says is Markdown"
    )


def test_a_value_is_escaped_where_discord_reads_markdown_and_nowhere_else(tmp_path: Path) -> None:
    text = """
        alert_type = "general"
        title = "{{ v }}"
        message = "{{ v | code }}{{ at | time }}"
        content = "{{ v }}"
        source = "{{ v }} {{ at | time }}"
        traceback = "{{ v | code }}"
        thread_name = "{{ v }}"
        author = { name = "{{ v | markdown }}" }
        [[fields]]
        name = "{{ v }}"
        value = "{{ [v, v] }}"
    """
    value, at = "__init__", datetime(2026, 1, 31, 12, tzinfo=UTC)
    made = render_template("mine", templates_dir=write(tmp_path, text), v=value, at=at)
    (field,) = made.fields
    seen = drawn(made)
    assert (seen.title, seen.content, seen.fields[0].name) == (plain(value),) * 3
    assert seen.fields[0].value == f"{plain(value)}\n{plain(value)}"
    assert field.value == f"{value}\n{value}", "stored as it is"
    assert made.message == f"```\n{value}\n```<t:{at.timestamp():.0f}:f>"
    assert made.source == "__init__ 2026-01-31 12:00 UTC"
    assert (made.traceback, made.thread_name, made.author and made.author.name) == (value,) * 3


def test_where_all_text_is_plain_nothing_is_escaped_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(**overrides: Any) -> list[str]:
        made = render_template("mine", templates_dir=folder, overrides=overrides, v="__init__")
        embed = compose([prepare(made, settings())]).body["embeds"][0]
        return [embed["title"], embed["fields"][0]["value"]]

    folder = write(tmp_path, 'alert_type="general"\ntitle="T {{v}}"\n[[fields]]\nname="n"\nvalue="{{v}}"')
    once = [plain("T __init__"), plain("__init__")]
    assert shown() == shown(markdown=False) == shown(markdown="off") == once
    monkeypatch.setenv("DISCORD_MARKDOWN", "off")
    settings.cache_clear()
    try:
        assert shown() == shown(markdown=True) == once
    finally:
        settings.cache_clear()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("{{ names | join(', ') }}", "a, b"),
        ("{% for n in names %}{{ loop.index }}{{ n | upper }} {% endfor %}", "1A 2B"),
        ("{% if names %}{{ names | length }}{% else %}none{% endif %}", "2"),
        ("{{ missing | default('nothing') }}", "nothing"),
        ("{{ 7 * 2 % 5 }} {{ 10 // 3 }} {{ 'a' ~ 'b' }}", "4 3 ab"),
        ("{{ who.name | replace('o', '0') | truncate(4, true, '', 0) }}", "n0b0"),
        ("{{ 'x y' | urlencode }}", "x%20y"),
        ("{{ names | map('upper') | list }}", "A\nB"),
    ],
)
def test_what_a_text_needs_is_there(tmp_path: Path, title: str, shown: str) -> None:
    message = render_template("mine", templates_dir=saying(tmp_path, title), names=["a", "b"], who={"name": "nobody"})
    assert message.title == shown


GOOD = 'alert_type = "general"\ntitle = "T"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("title = \n", ["mine.toml", "line 1"]),
        (GOOD + "titel = 'x'", ["mine.toml", "titel", "unknown key"]),
        (GOOD + "[[fields]]\nname='n'\nvalue='v'\ninlined=true", ["mine.toml", "fields.0.inlined", "unknown key"]),
        ("title = 'T'", ["mine.toml", "alert_type", "required"]),
        ("alert_type = 'general'", ["mine.toml", "title", "required"]),
        ("alert_type = 'loud'\ntitle = 'T'", ["mine.toml", "alert_type", "'general'"]),
        (GOOD + "message = '''a\n{{ b'''", ["mine.toml", "message", "line 2"]),
        (GOOD + "[[fields]]\nname='n'\nvalue='{% if %}'", ["mine.toml", "fields.0.value", "line 1"]),
        (GOOD + "message = '{{ a.b.c }}'", ["mine.toml", "message", "'a' is undefined"]),
        (GOOD + "message = '{{ known.c }}'", ["mine.toml", "message", "no attribute 'c'"]),
        (GOOD + "message = '{{ 1 // 0 }}'", ["mine.toml", "message", "ZeroDivisionError"]),
        (GOOD + "message = '{{ known + 1 }}'", ["mine.toml", "message", "TypeError"]),
    ],
)
def test_an_error_names_the_file_and_the_key(tmp_path: Path, text: str, told: list[str]) -> None:
    with pytest.raises(TemplateError) as caught:
        render_template("mine", templates_dir=write(tmp_path, text), known={"k": 1})
    assert [part for part in told if part not in str(caught.value)] == []


def test_a_file_that_is_no_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'title = "\xff"')
    with pytest.raises(TemplateError, match=r"mine\.toml"):
        render_template("mine", templates_dir=tmp_path)


def test_an_unknown_template_is_answered_with_the_nearest_and_all_that_there_are() -> None:
    with pytest.raises(TemplateError, match=r"no template 'nope'; there are backup, .*, service_error"):
        render_template("nope")
    with pytest.raises(TemplateError, match=r"no template 'service_eror'; service_error\?; there are backup, "):
        render_template("service_eror")


@pytest.mark.parametrize(
    "name", ["../secret", "sub/secret", "/etc/secret", "..", "", ".secret", "Secret", "secret\n", "secret\0"]
)
def test_a_name_cannot_leave_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "templates"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path, folder, folder / "sub"):
        for stem in ("secret", ".secret", "Secret"):
            if (place, stem) != (folder, "secret"):
                write(place, GOOD, stem)
    with pytest.raises(TemplateError, match="no template"):
        load_template(name, folder)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "title",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ [1] * 1000000000 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ range(10) }}",
        "{{ lipsum(n=100000) }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ ['a'] | map('center', 1000000000) | list }}",
        "{{ '%1000000000d' | format(1) }}",
        "{% set a = 'x' %}{{ a }}",
        "{% with a = 'x' %}{{ a }}{% endwith %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in long %}{% for b in long %}{% endfor %}{% endfor %}",
        "{% for a in long recursive %}{{ loop(long) }}{% endfor %}",
        "{% for a in long %}{{ long }}{% endfor %}",
        "{{ long" + " | list | join('xxxxxxxxxxxxxxxx')" * 9 + " }}",
        "{{ long" + " | replace('a', 'aaaaaaaaaaaaaaaa')" * 9 + " }}",
        "{{ long" + " | urlencode" + " | replace('a', '%') | urlencode" * 30 + " }}",
        "{{ long ~ long }}",
        "{{ long | replace('a', long) }}",
        "{{ long | join(long) }}",
        "{{ percent" + " | urlencode" * 12 + " | length }}",
        "{{ range }}",
        "{{ " + "(" * 10_000 + "1" + ")" * 10_000 + " }}",
        "{% include 'service_error' %}",
        "{% import 'os' as os %}",
        "{{ long.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
    ],
)
def test_a_template_that_would_run_away_is_refused(tmp_path: Path, title: str) -> None:
    long = "a" * (RENDERED_CHARACTERS_MAX // 2 + 1)
    with pytest.raises(TemplateError, match=r"mine\.toml: title: "):
        render_template("mine", templates_dir=saying(tmp_path, title), long=long, percent="%" * len(long))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "title",
    [
        "{% for a in long %}{{ long | upper | length }}{% endfor %}",
        "{% for a in numbers %}{% endfor %}",
        "{% for a in numbers | map('string') %}{{ a }}{% endfor %}",
        "{{ numbers | select('in', numbers) | list | length }}",
        "{{ numbers | map('string') | join | length }}",
        "{{ long | sort | length }}",
        "{{ long | select('in', long) | list | length }}",
        "{{ numbers | sort }}",
        "{{ 1 | round(1000000000, 'floor') }}",
        "{{ 1 | round(precision=1000000000, method='ceil') }}",
        "{{ long | truncate(5, true, long) }}",
        "{{ (" + " + ".join(["long"] * 90) + ") | length }}",
        "{{ (" + " ~ ".join(["long"] * 300) + ") | length }}",
        "{{ (" + " + ".join(["few"] * 60) + ") | length }}",
        "{{ 1 | _items }}",
    ],
)
def test_a_filter_a_loop_or_a_sum_that_would_run_away_is_refused(tmp_path: Path, title: str) -> None:
    given = {"long": "a" * RENDERED_CHARACTERS_MAX, "numbers": [str(n) for n in range(ITEMS_MAX + 1)], "few": [1] * 200}
    with pytest.raises(TemplateError, match=r"mine\.toml: title: "):
        render_template("mine", templates_dir=saying(tmp_path, title), **given)


@pytest.mark.parametrize("operator", ["+", "~"])
def test_a_sum_of_texts_is_refused_before_it_is_made(tmp_path: Path, operator: str) -> None:
    folder = saying(tmp_path, "{{ (" + f" {operator} ".join(["long"] * 40) + ") | length }}")
    long = "a" * RENDERED_CHARACTERS_MAX
    load_template("mine", folder)
    tracemalloc.start()
    try:
        with pytest.raises(TemplateError, match=f"more than {RENDERED_CHARACTERS_MAX} characters"):
            render_template("mine", templates_dir=folder, long=long)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(long)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("title", ["{{ long | sort | length }}", "{{ long | map('upper') | list | length }}"])
def test_a_text_is_no_long_list_of_characters(tmp_path: Path, title: str) -> None:
    with pytest.raises(TemplateError, match=f"more than {ITEMS_MAX} characters"):
        render_template("mine", templates_dir=saying(tmp_path, title), long="a" * RENDERED_CHARACTERS_MAX)


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_ends_for_the_largest_values(tmp_path: Path, name: str) -> None:
    long, huge = "<a " * (RENDERED_CHARACTERS_MAX // 3), 10**4_000
    values: list[Any] = [long, [long[:10]] * ITEMS_MAX, {str(n): n for n in range(ITEMS_MAX)}, huge, -huge, 1e300, 1]
    for value in values:
        for arguments in ("", "(v)", "(huge)", "(1, v)", "('upper')", "('in', v)", "(-huge, 'floor')", "('a', v)"):
            folder = saying(tmp_path, f"{{% if v | {name}{arguments} %}}T{{% endif %}}T")
            try:
                assert render_template("mine", templates_dir=folder, v=value, huge=huge).title in ("T", "TT")
            except TemplateError:
                continue


def test_what_is_small_and_takes_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "SECONDS_MAX", -1)
    for title in ("{{ 'a' | upper }}", "{% for a in [1] %}{{ a }}{% endfor %}", "{% if 1 is odd %}a{% endif %}"):
        with pytest.raises(TemplateError, match=r"more than .* s$"):
            render_template("mine", templates_dir=saying(tmp_path, title))
    assert render_template("mine", templates_dir=saying(tmp_path, "T")).title == "T"


def test_a_text_of_the_longest_length_is_rendered(tmp_path: Path) -> None:
    write(tmp_path, 'alert_type = "general"\ntitle = "T"\nmessage = "{{ x }}"')
    longest = "x" * RENDERED_CHARACTERS_MAX
    assert render_template("mine", templates_dir=tmp_path, x=longest).message == longest
    with pytest.raises(TemplateError, match="more than"):
        render_template("mine", templates_dir=tmp_path, x=longest + "x")


def test_names_of_parameters_are_free_for_variables_but_for_two(tmp_path: Path) -> None:
    context: dict[str, Any] = {"name": "n", "template": "t", "title": "i", "id": "d", "self_": "s"}
    title = "{{ name }}{{ template }}{{ title }}{{ id }}{{ self_ }}"
    assert render_template("mine", templates_dir=saying(tmp_path, title), **context).title == "ntids"


@pytest.mark.parametrize(
    "text", ["url = 'javascript:alert(1)'", "severity = 'bad'", "color = 99999999", "color = 'nocolour'"]
)
def test_an_ornament_that_is_wrong_costs_no_alert(tmp_path: Path, text: str) -> None:
    write(tmp_path, GOOD + text)
    message = render_template("mine", templates_dir=tmp_path)
    assert len(message.adjusted) == 1
    assert message.adjusted[0].startswith(text.partition(" ")[0])
