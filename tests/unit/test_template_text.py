"""A template's values are drawn as they stand, and stored without escapes where that is possible."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.models import NotificationMessage
from notifier.outbox.preparation import prepare
from notifier.plain_text import plain
from notifier.render.batch import compose
from notifier.render.markdown import drawn
from notifier.render.whole import whole_text
from notifier.settings import settings
from notifier.template_language import ends_at, in_markdown
from notifier.template_text import as_markdown, as_text, is_markdown
from notifier.templates import load_template, render_template, template_names
from tests.unit.render.discord_markdown import as_seen, draw
from tests.unit.test_plain_text import SAMPLES, TEXTS

VALUE = "__init__ *x* @everyone [a](http://b)"
PLAIN_FORMS = [
    *("{{ v }}", "Job {{ v }}: done", "[{{ v }}] failed", "{{ v }} | {{ v }}", "{{ v }}: {{ v }}", "a_b {{ v }}"),
    *("~{{ v }} s", "{{ v }} < 5", "2 * 3 = {{ v }}", "see https://h.invalid/a_b {{ v }}", "🎵 {{ v }}\n{{ v }}"),
    *("{% if v %}{{ v }}{% else %}**none**{% endif %}", "{{ v }}{{ nothing | time }}{{ nothing | code }}"),
    *("{{ v | upper }} ({{ v ~ v }})", "{{ '**' }}{{ v }}{{ '**' }}", "{{ v }}. {{ v }}"),
]
MARKDOWN_FORMS = [
    *(
        "**{{ v }}** failed",
        "# {{ v }}",
        "- {{ v }}\n- {{ v }}",
        "> {{ v }}",
        "||{{ v }}||",
        "~~{{ v }}~~",
        "<@1> {{ v }}",
    ),
    *(
        "[log](https://h.invalid/) {{ v }}",
        "-# {{ v }}",
        "1. {{ v }}",
        ":{{ v }}:",
        "_{{ v }}_",
        "{{ v }}{{ at | time }}",
    ),
    *("{{ v }} {{ '*x*' | markdown }}", "@everyone {{ v }}", "[{{ v }}](https://h.invalid/)", "a\\*{{ v }}"),
]


def toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def made(folder: Path, overrides: dict[str, Any] | None = None, /, **parts: Any) -> NotificationMessage:
    """Of a template whose parts have these texts."""
    context = {name: parts.pop(name) for name in ("v", "w", "at") if name in parts}
    fields = "".join(f"[[fields]]\nname = {toml(n)}\nvalue = {toml(t)}\n" for n, t in parts.pop("fields", []))
    lines = [f"{name} = {toml(text)}" for name, text in {"title": "T", **parts}.items()]
    (folder / "mine.toml").write_text("\n".join(['alert_type = "general"', *lines, fields]), encoding="utf-8")
    return render_template("mine", templates_dir=folder, overrides=overrides, nothing=None, **context)


def pieces(text: str, **values: Any) -> list[str]:
    ends_at.set(float("inf"))  # other tests leave their own
    return list(in_markdown.from_string(text).generate(nothing=None, at=None, **values))


def shown(text: str, **values: Any) -> str:
    """What of a text Discord reads."""
    found = pieces(text, **values)
    return as_markdown(found) if is_markdown(found) else as_text(found)


@pytest.mark.parametrize("form", PLAIN_FORMS)
def test_what_is_stored_has_no_escapes_where_the_template_has_no_markdown(tmp_path: Path, form: str) -> None:
    message = made(tmp_path, title=form, message=form, content=form, fields=[(form, form)], v=VALUE)
    raw = pieces(form, v=VALUE)
    text = "".join(raw)
    (field,) = message.fields
    assert {message.title, message.message, message.content, field.name, field.value} == {text.strip()}
    assert set(message.plain) == {"title", "message", "content", "fields.0.name"}
    assert field.markdown is False
    assert not is_markdown(raw)
    assert "\\" not in whole_text(message), "nor in the file that holds the whole text"
    seen = drawn(message)
    for each in (seen.title, seen.message, seen.content, seen.fields[0].name, seen.fields[0].value):
        assert draw(each or "").text == text.strip()
        assert set(draw(each or "").marks) <= set()


@pytest.mark.parametrize("form", MARKDOWN_FORMS)
def test_where_it_has_the_template_stays_markdown_and_the_values_plain(tmp_path: Path, form: str) -> None:
    at = "2026-01-31T12:00:00Z"
    assert is_markdown(pieces(form, v="v")) or "time" in form
    message = made(tmp_path, message=form, v=VALUE, at=NotificationMessage(title="t", timestamp=at).timestamp)
    assert message.plain == ()
    assert r"\_\_init\_\_ \*x\* \@everyone \[a\](http://b)" in message.message


def test_a_name_of_a_post_and_a_note_of_it_have_no_escapes(tmp_path: Path) -> None:
    message = made(tmp_path, title="{{ v }} failed", v="__init__")
    assert compose([message], in_forum=True).body["thread_name"] == "__init__ failed"
    assert compose([message]).body["embeds"][0]["title"] == r"\_\_init\_\_ failed"


def test_fields_that_are_left_out_do_not_shift_what_is_plain(tmp_path: Path) -> None:
    fields = [("a {{ v }}", ""), ("**b**", "{{ v }}"), ("c {{ v }}", "**{{ v }}**")]
    message = made(tmp_path, {"fields": {"*own*": "*own*"}}, fields=fields, v="_x_")
    seen = [(each.name, each.value) for each in drawn(message).fields]
    assert seen == [("**b**", r"\_x\_"), (r"c \_x\_", r"**\_x\_**"), ("*own*", "*own*")]


def test_what_is_given_beside_a_template_is_its_givers_markdown(tmp_path: Path) -> None:
    message = made(
        tmp_path, {"title": "*own*", "message": ["*"]}, title="{{ v }}", message="{{ v }}", content="{{ v }}", v="*"
    )
    assert (drawn(message).title, drawn(message).message, drawn(message).content) == ("*own*", r"\*", r"\*")


def test_a_message_of_a_template_is_read_again_as_it_was(tmp_path: Path) -> None:
    message = made(tmp_path, title="{{ v }}", message="{{ v }}", fields=[("{{ v }}", "{{ v }}")], v=VALUE)
    again = NotificationMessage.model_validate_json(prepare(message, settings()).model_dump_json(exclude_defaults=True))
    assert again == message


@pytest.mark.parametrize("form", ["{{ v }}", "[{{ v }}]: {{ v }}", "{{ v }} | {{ v }}", "**a** {{ v }} b"])
def test_each_sample_is_drawn_as_it_stands(form: str) -> None:
    for value in SAMPLES:
        found = pieces(form, v=value)
        text = as_markdown(found) if is_markdown(found) else plain(as_text(found))
        assert draw(text).text == as_seen("".join(found))
        assert [mark for mark in draw(text).marks if mark != "strong"] == []


@given(TEXTS, st.sampled_from(["{{ v }}", "a {{ v }} b {{ v }}", "[{{ v }}]\n{{ v }}"]))
def test_any_value_is_drawn_as_it_stands(value: str, form: str) -> None:
    found = pieces(form, v=value)
    assert not is_markdown(found)
    drawn_text = draw(plain(as_text(found)))
    assert (drawn_text.text, drawn_text.marks) == (as_seen("".join(found)), [])


@pytest.mark.parametrize(
    ("form", "value", "link"),
    [
        ("https://h.invalid/{{ v }}", "__init__", "https://h.invalid/__init__"),
        ("**Log** https://h.invalid/{{ v }}", "__init__*x*", "https://h.invalid/__init__%2Ax%2A"),
        ("https://h.invalid/{{ v }}/log", "my mix", "https://h.invalid/my%20mix/log"),
        ("https://{{ v }}:3000/d", "db_1_2", "https://db_1_2:3000/d"),
        ("https://h.invalid/?q={{ v | urlencode }}&a=_b_", "a&b *c*", "https://h.invalid/?q=a%26b%20%2Ac%2A&a=_b_"),
        ("https://h.invalid/{{ v }}", "100%", "https://h.invalid/100%25"),
        ("https://h.invalid/{{ v }}", "a/b?c=d#e", "https://h.invalid/a/b?c=d#e"),
        ("**a** https://h.invalid/{{ v }}", "ü`|\\<", "https://h.invalid/%C3%BC%60%7C%5C%3C"),
        ("{{ v }}/jobs/{{ w }} **b**", "https://h.invalid/_a_", "https://h.invalid/_a_/jobs/_x_%20y"),
        ("{{ v }}/jobs/{{ w }}", "https://h.invalid/_a_", "https://h.invalid/_a_/jobs/_x_%20y"),
        ("# <https://h.invalid/{{ v }}>", "_x_>", "https://h.invalid/_x_%3E"),
    ],
)
def test_a_value_within_a_link_leaves_it_a_link(form: str, value: str, link: str) -> None:
    text = shown(form, v=value, w="_x_ y")
    assert link in text
    assert [each.rstrip(">") for each in draw(text).links] == [link]


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("[log](https://h.invalid/{{ v }})", "a) [b](http://c", "[log](https://h.invalid/a%29%20%5Bb%5D%28http://c)"),
        ("[log]({{ v }})", "https://h.invalid/a_(b) c", "[log](https://h.invalid/a_%28b%29%20c)"),
        ("[log](<{{ v }}>)", "https://h.invalid/>", "[log](<https://h.invalid/%3E>)"),
        ("[log]({{ v }})", "_x_", r"[log](\_x\_)"),
    ],
)
def test_a_value_cannot_end_a_masked_link(form: str, value: str, text: str) -> None:
    assert shown(form, v=value) == text


def test_a_link_that_ends_another_value_takes_nothing_in() -> None:
    assert shown("{{ v }}{{ w }}", v="see https://h.invalid/", w="a b") == "see https://h.invalid/a b"
    assert shown("https://h.invalid {{ v }}", v="a b") == "https://h.invalid a b"


def test_other_links_of_a_message_are_kept_as_well(tmp_path: Path) -> None:
    message = made(tmp_path, url="https://h.invalid/{{ v }}", thumbnail="https://h.invalid/{{ v }}.png", v="my *mix*")
    assert (message.url, message.thumbnail) == (
        "https://h.invalid/my%20%2Amix%2A",
        "https://h.invalid/my%20%2Amix%2A.png",
    )
    assert message.adjusted == ()


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("`{{ v }}` failed", "__init__", "`__init__` failed"),
        ("`{{ v }}` failed", "a`b\\", "`aˋb\\` failed"),
        ("``{{ v }}``: **{{ v }}**", "a_b_", r"``a_b_``: **a\_b\_**"),
        ("```sh\n{{ v }}\n``` {{ v }}", "*x* ``` *y*", "```sh\n*x* `\u200b`` *y*\n``` \\*x\\* \\`\\`\\` \\*y\\*"),
        ("it`s {{ v }}", "*x*", r"it`s \*x\*"),
    ],
)
def test_a_value_within_code_is_not_escaped_and_cannot_end_it(form: str, value: str, text: str) -> None:
    assert shown(form, v=value) == text


@pytest.mark.parametrize("name", template_names())
def test_the_built_in_templates_draw_values_as_they_stand(name: str) -> None:
    as_they_are = ("url", "runbook", "output")
    example = load_template(name).example
    context = {
        key: VALUE if isinstance(each, str) and key not in as_they_are else each for key, each in example.items()
    }
    seen = drawn(render_template(name, **context))
    texts = [seen.title, seen.message, *(each.value for each in seen.fields)]
    assert not any({"emphasis", "underline", "masked link", "mention"} & {*draw(text).marks} for text in texts)
    assert any(VALUE in draw(text).text for text in texts)
