"""Templates: one alert per file, its texts as Jinja.

A template is a TOML file: ``alert_type``, ``title``, ``message``, ``color`` or ``severity``, ``source``, ``url``, and
``[[fields]]`` with ``name``, ``value``, ``inline``; ``description`` says what it is for, ``[example]`` holds variables
to try it with. A user's folder (``NOTIFIER_TEMPLATES_DIR``) is searched before the built-in one.
"""

import re
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from notifier.errors import InvalidMessage, TemplateError
from notifier.models import AlertType, NotificationMessage
from notifier.template_language import (
    SECONDS_MAX,
    JinjaError,
    TemplateSyntaxError,
    check_length,
    ends_at,
    environment,
    escaping,
    meta,
)

_PACKAGE = Path(__file__).parent
BUILT_IN = next(folder for folder in (_PACKAGE / "_templates", _PACKAGE.parent / "templates") if folder.is_dir())
"""Inside an installed package, or beside it in a checkout."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class TemplateField(BaseModel):
    """One field of the details; left out if its value renders to nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    value: str
    inline: bool = False


class Template(BaseModel):
    """A template as its file describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    description: str = ""
    alert_type: AlertType
    title: str
    message: str = ""
    color: str | int | None = None
    severity: str | None = None
    source: str | None = None
    url: str | None = None
    fields: tuple[TemplateField, ...] = ()
    example: dict[str, Any] = Field(default_factory=dict)

    def texts(self) -> dict[str, str]:
        """Every string that is rendered, by its place in the file."""
        named = {name: getattr(self, name) for name in ("title", "message", "color", "severity", "source", "url")}
        texts = {name: text for name, text in named.items() if isinstance(text, str)}
        for number, each in enumerate(self.fields):
            texts |= {f"fields.{number}.name": each.name, f"fields.{number}.value": each.value}
        return texts


def template_names(templates_dir: Path | None = None) -> list[str]:
    """The names of all templates."""
    found = {path.stem for folder in _folders(templates_dir) for path in folder.glob("*.toml")}
    return sorted(name for name in found if NAME.fullmatch(name))


def load_template(name: str, templates_dir: Path | None = None) -> Template:
    """Read and check a template.

    Raises:
        TemplateError: there is none of this name, or its file is wrong; names the file and the key.
    """
    path = next((folder / f"{name}.toml" for folder in _folders(templates_dir) if _is_here(folder, name)), None)
    if path is None:
        raise TemplateError(f"no template {name!r}; there are {', '.join(template_names(templates_dir))}")
    try:
        template = Template.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise TemplateError(f"{path.name}: {error}") from None
    except ValidationError as error:
        problems = (
            f"{'.'.join(map(str, each['loc']))}: {_problem(each['type'], each['msg'])}" for each in error.errors()
        )
        raise TemplateError(f"{path.name}: {'; '.join(problems)}") from None
    for place, text in template.texts().items():
        try:
            _check(text)
        except TemplateSyntaxError as error:
            raise TemplateError(f"{path.name}: {place}: line {error.lineno}: {error.message}") from None
        except (RecursionError, SyntaxError):  # of Python's parser
            raise TemplateError(f"{path.name}: {place}: nested too deep") from None
    return template


def variables(template: Template) -> set[str]:
    """The variables a template uses."""
    used = (meta.find_undeclared_variables(environment.parse(text)) for text in template.texts().values())
    return set().union(*used)


def render_template(
    name: str,
    /,
    *,
    templates_dir: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    **context: Any,
) -> NotificationMessage:
    """Make a message from a template; ``overrides`` are fields of the message that win over the template's.

    What ``context`` holds is data: Jinja in a value is not evaluated.

    Raises:
        TemplateError: the template is unknown or wrong, a variable is missing, or the message is one that
            ``NotificationMessage`` refuses; names it.
    """
    template = load_template(name, templates_dir)
    ends_at.set(time.monotonic() + SECONDS_MAX)
    texts = {place: _render(name, place, text, context) for place, text in template.texts().items()}
    fields = [
        {"name": texts[f"fields.{number}.name"], "value": texts[f"fields.{number}.value"], "inline": each.inline}
        for number, each in enumerate(template.fields)
        if texts[f"fields.{number}.value"].strip()
    ]
    plain: dict[str, Any] = {place: text.strip() for place, text in texts.items() if "." not in place and text.strip()}
    if isinstance(template.color, int):
        plain["color"] = template.color
    elif re.fullmatch(r"[0-9]{1,8}", plain.get("color", "")):
        plain["color"] = int(plain["color"])
    try:
        return NotificationMessage(
            **{"alert_type": template.alert_type, "fields": fields, **plain, **dict(overrides or {})}
        )
    except InvalidMessage as error:
        raise TemplateError(f"{name}.toml: {error}") from None


def _problem(kind: str, text: str) -> str:
    return "unknown key" if kind == "extra_forbidden" else text


def _check(text: str) -> None:
    environment.compile(text)


def _render(name: str, place: str, text: str, context: dict[str, Any]) -> str:
    pieces, length = [], 0
    try:
        is_markdown = place in ("title", "message") or place.startswith("fields.")
        for piece in (escaping if is_markdown else environment).from_string(text).generate(**context):
            pieces.append(piece)
            length += len(piece)
            check_length(length)
    except JinjaError as error:
        raise TemplateError(f"{name}.toml: {place}: {error.message}") from None
    except Exception as error:  # of any filter, for any value
        raise TemplateError(f"{name}.toml: {place}: {type(error).__name__}: {error}") from None
    return "".join(pieces)


def _folders(templates_dir: Path | None) -> list[Path]:
    return [templates_dir, BUILT_IN] if templates_dir else [BUILT_IN]


def _is_here(folder: Path, name: str) -> bool:
    return NAME.fullmatch(name) is not None and (folder / f"{name}.toml").is_file()
