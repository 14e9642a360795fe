"""Templates: one alert per file, its texts as sandboxed Jinja.

A template is a TOML file: ``alert_type``, ``title``, ``message``, ``color`` or ``severity``, ``source``, ``url``, and
``[[fields]]`` with ``name``, ``value``, ``inline``; ``description`` says what it is for, ``example`` holds variables to try
it with. A user's folder (``NOTIFIER_TEMPLATES_DIR``) is searched before the built-in one.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from notifier.errors import InvalidMessage, TemplateError
from notifier.models import AlertType, NotificationMessage

_PACKAGE = Path(__file__).parent
BUILT_IN = next(folder for folder in (_PACKAGE / "_templates", _PACKAGE.parent / "templates") if folder.is_dir())
"""Inside an installed package, or beside it in a checkout."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
RENDERED_CHARACTERS_MAX = 1_000_000

# no autoescape: Discord shows text, not HTML. Its sandbox keeps templates from Python's internals and from huge ranges.
_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)  # noqa: S701


class TemplateField(BaseModel):
    """One field of the details; left out where its value renders to nothing."""

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
    return sorted({path.stem for folder in _folders(templates_dir) for path in folder.glob("*.toml")})


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
        problems = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise TemplateError(f"{path.name}: {problems}") from None
    for place, text in template.texts().items():
        try:
            _environment.parse(text)
        except TemplateSyntaxError as error:
            raise TemplateError(f"{path.name}: {place}: line {error.lineno}: {error.message}") from None
    return template


def variables(template: Template) -> set[str]:
    """The variables a template uses."""
    used = (meta.find_undeclared_variables(_environment.parse(text)) for text in template.texts().values())
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

    Raises:
        TemplateError: the template is unknown or wrong, or a variable is missing; names it.
    """
    template = load_template(name, templates_dir)
    texts = {place: _render(name, place, text, context) for place, text in template.texts().items()}
    fields = [
        {"name": texts[f"fields.{number}.name"], "value": texts[f"fields.{number}.value"], "inline": each.inline}
        for number, each in enumerate(template.fields)
        if texts[f"fields.{number}.value"].strip()
    ]
    plain: dict[str, Any] = {place: text for place, text in texts.items() if "." not in place and text.strip()}
    if isinstance(template.color, int):
        plain["color"] = template.color
    try:
        return NotificationMessage(
            **{"alert_type": template.alert_type, "fields": fields, **plain, **dict(overrides or {})}
        )
    except InvalidMessage as error:
        raise TemplateError(f"{name}.toml: {error}") from None


def _render(name: str, place: str, text: str, context: dict[str, Any]) -> str:
    rendered = ""
    try:
        for piece in _environment.from_string(text).generate(**context):
            rendered += piece
            if len(rendered) > RENDERED_CHARACTERS_MAX:
                raise TemplateError(f"{name}.toml: {place}: more than {RENDERED_CHARACTERS_MAX} characters")
    except (UndefinedError, SecurityError) as error:
        raise TemplateError(f"{name}.toml: {place}: {error.message}") from None
    except (ArithmeticError, TypeError, ValueError, LookupError) as error:
        if isinstance(error, TemplateError):
            raise
        raise TemplateError(f"{name}.toml: {place}: {type(error).__name__}: {error}") from None
    return rendered


def _folders(templates_dir: Path | None) -> list[Path]:
    return [templates_dir, BUILT_IN] if templates_dir else [BUILT_IN]


def _is_here(folder: Path, name: str) -> bool:
    return NAME.fullmatch(name) is not None and (folder / f"{name}.toml").is_file()
