"""``notifier templates``: which there are, what they take, whether they can be used."""

from pathlib import Path
from typing import Any

import click

from notifier.cli.completion import template_name
from notifier.cli.output import echo, echo_as_is, json_option, print_json, print_table
from notifier.errors import TemplateError
from notifier.template_file import Template, used_variables
from notifier.templates import BUILT_IN, load_template, problems, template_names, template_path


@click.group()
def templates() -> None:
    """The templates of alerts: the built-in ones, and those in NOTIFIER_TEMPLATES_DIR, which win.

    \b
    Examples:
      notifier templates list
      notifier templates show service_error
      notifier templates check
      notifier preview service_error            # what its example looks like
    """


@templates.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the templates.

    \b
    Examples:
      notifier templates list
      notifier templates list --json

    Exit code: 0.
    """
    found = [_listed(name) for name in template_names()]
    if as_json:
        print_json(found)
        return
    rows = [(each["name"], each["alert_type"], each["description"] or each["problem"], each["from"]) for each in found]
    print_table("Templates", ["name", "type", "what for", "from"], rows)


@templates.command()
@click.argument("name", shell_complete=template_name)
@click.option("--source", "as_source", is_flag=True, help="Print its file, to copy it into a folder of your own.")
@json_option
def show(name: str, as_source: bool, as_json: bool) -> None:
    """Show what a template is for, and the variables it takes.

    \b
    Examples:
      notifier templates show service_error
      notifier templates show service_error --source > my_templates/service_error.toml

    Exit code: 0, or 1 if there is none of this name, or its file is wrong.
    """
    path = template_path(name)
    if as_source:
        echo_as_is(path.read_text(encoding="utf-8").removesuffix("\n"))
        return
    template = load_template(name)
    found = {
        **_listed(name),
        "file": str(path),
        "variables": _variables(template),
        "example": template.example,
    }
    if as_json:
        print_json(found)
        return
    echo(f"{name}: {template.description}" if template.description else name)
    echo(f"Type: {template.alert_type}. File: {path}")
    columns = ["variable", "type", "required", "default", "what it is", "example"]
    rows = [
        (*(each[column] for column in ("name", "type")), "yes" if each["required"] else "",
         *(each[column] for column in ("default", "description", "example")))
        for each in found["variables"]
    ]  # fmt: skip
    print_table("", columns, rows)
    echo(f"What it looks like: notifier preview {name}")


@templates.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=template_name)
@json_option
def check(names: tuple[str, ...], as_json: bool) -> None:
    """Check templates, all of them by default: their files, and the alerts that their examples make.

    \b
    Examples:
      notifier templates check
      notifier templates check deployment --json

    Exit code: 0 all can be used, 1 otherwise.
    """
    for name in names:
        template_path(name)  # that there is none of this name is said of it
    found = {name: why for name, why in problems().items() if not names or name in names}
    if as_json:
        print_json({"checked": sorted(names or template_names()), "problems": found})
    else:
        for why in found.values():
            echo(why)
        count = len(names or template_names())
        if not found:
            echo("1 template can be used" if count == 1 else f"All {count} templates can be used")
    raise SystemExit(1 if found else 0)


def _listed(name: str) -> dict[str, Any]:
    path = template_path(name)
    told: dict[str, Any] = {"name": name, "from": "built in" if path.parent == BUILT_IN else str(_shown(path.parent))}
    try:
        template = load_template(name)
    except TemplateError as error:
        return told | {"alert_type": None, "description": "", "problem": str(error)}
    return told | {"alert_type": template.alert_type.value, "description": template.description, "problem": None}


def _shown(folder: Path) -> Path:
    """Below the current folder: its name from there."""
    return folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder


def _variables(template: Template) -> list[dict[str, Any]]:
    """Those that it declares; of a file without that table those that its texts use."""
    if template.variables is None:
        return [
            {"name": name, "type": "any", "required": True, "default": None, "description": "", "example": None}
            for name in sorted(used_variables(template))
        ]
    return [
        {
            "name": name,
            "type": each.type,
            "required": each.is_required,
            "default": each.default,
            "description": each.description,
            "example": template.example.get(name),
        }
        for name, each in template.variables.items()
    ]
