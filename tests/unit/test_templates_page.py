"""The page on templates lists the built-in ones as they are, and its example is one that works."""

import re
from pathlib import Path

from notifier.template_filters import AS_MARKDOWN
from notifier.templates import check_template, load_template, template_names

PAGE = (Path(__file__).parents[2] / "docs" / "templates.md").read_text(encoding="utf-8")


def names(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_the_built_in_templates_are_listed_with_their_variables() -> None:
    section = PAGE.partition("## The built-in ones")[2].partition("\n## ")[0]
    listed = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            name, kind, what, needs, takes = (cell.strip() for cell in line.strip("|").split("|"))
            listed[name.strip("`")] = (kind, what, names(needs), names(takes))
    expected = {}
    for name in template_names():
        template = load_template(name)
        declared = template.variables or {}
        needed = [each for each in declared if declared[each].is_required]
        taken = [each for each in declared if not declared[each].is_required]
        expected[name] = (str(template.alert_type), template.description, needed, taken)
    assert listed == expected


def test_the_example_of_the_page_works(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "disk.toml").write_text(example, encoding="utf-8")
    check_template("disk", tmp_path)
    assert load_template("disk", tmp_path).example


def test_every_type_and_filter_of_ours_is_explained() -> None:
    explained = names(" ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")))
    types = {"text", "integer", "number", "boolean", "time", "duration", "list", "mapping", "any"}
    assert types | AS_MARKDOWN.keys() <= set(explained)
