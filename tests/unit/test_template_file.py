"""Whatever stands in a template's file, and whatever it is: what a caller gets is a TemplateError that names it."""

import os
from pathlib import Path

import pytest

from notifier.errors import TemplateError
from notifier.template_file import read_template
from notifier.templates import problems, render_template, template_names

GOOD = 'alert_type = "general"\ntitle = "T"\n'
MANY = 5_000


@pytest.mark.parametrize(
    "text",
    [
        GOOD + f"color = {'9' * MANY}",
        GOOD + f"message = '{{{{ {'9' * MANY} }}}}'",
        GOOD + f"[metadata]\n{'.'.join(['a'] * MANY)} = '{{{{ x }}}}'",
        GOOD + f"metadata = {'[' * MANY}{']' * MANY}",
        GOOD + f"message = '{{{{ {'(' * MANY}1{')' * MANY} }}}}'",
        GOOD + f"message = '{{{{ {'-' * MANY}1 }}}}'",
    ],
    ids=["number", "number in Jinja", "dotted keys", "lists", "brackets", "signs"],
)
def test_what_python_cannot_read_is_told(tmp_path: Path, text: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(TemplateError, match=r"^mine\.toml: "):
        read_template(file)


@pytest.mark.slow
def test_what_some_pythons_read_is_read_or_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD + f"message = '{{% if 0 %}}{'{% elif 0 %}x' * MANY}{{% endif %}}'", encoding="utf-8")
    said = "mine.toml: read"
    try:
        read_template(file)
    except TemplateError as error:
        said = str(error)
    assert said.startswith("mine.toml: ")


def test_what_is_no_file_is_no_template_and_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    (tmp_path / "gone.toml").symlink_to("nowhere")
    odd = {"pipe", "folder", "zero", "gone"}
    assert odd.isdisjoint(template_names(tmp_path))
    assert {name for name, why in problems(tmp_path).items() if "no file" in why} == odd


def test_broken_characters_of_a_value_are_replaced_in_a_link_too(tmp_path: Path) -> None:
    text = "message = 'see https://a.invalid/{{ x }} {{ x }}'\n[variables]\nx = { type = 'any' }"
    (tmp_path / "mine.toml").write_text(GOOD + text, encoding="utf-8")
    message = render_template("mine", templates_dir=tmp_path, x="a\ud800b")
    assert message.message == "see https://a.invalid/a%EF%BF%BDb a\ufffdb"
