"""Templates: one alert per file, its texts as Jinja.

What a file may say is told in ``template_file``. A user's folder (``NOTIFIER_TEMPLATES_DIR``) is searched before the
built-in one.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notifier.errors import InvalidMessage, TemplateError
from notifier.given_parts import is_escaped, items, markdown
from notifier.models import NotificationMessage
from notifier.settings import settings
from notifier.template_file import Template, read_template
from notifier.template_language import SECONDS_MAX, JinjaError, check_length, ends_at, environment, in_markdown, meta
from notifier.template_text import as_markdown, as_text, has_values, is_markdown
from notifier.template_variables import Variable, missing, values_of

if TYPE_CHECKING:
    import jinja2

_PACKAGE = Path(__file__).parent
BUILT_IN = next(folder for folder in (_PACKAGE / "_templates", _PACKAGE.parent / "templates") if folder.is_dir())
"""Inside an installed package, or beside it in a checkout."""

MARKDOWN = ("title", "message", "content", "fields.")
"""Texts that Discord reads as Markdown, and how their places begin."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def template_names(templates_dir: Path | None = None) -> list[str]:
    """The names of all templates."""
    found = {path.stem for folder in _folders(templates_dir) for path in folder.glob("*.toml") if path.is_file()}
    return sorted(name for name in found if NAME.fullmatch(name))


def load_template(name: str, templates_dir: Path | None = None) -> Template:
    """Read and check a template.

    Raises:
        TemplateError: there is none of this name, or its file is wrong; names the file and the key.
    """
    return read_template(template_path(name, templates_dir))


def template_path(name: str, templates_dir: Path | None = None) -> Path:
    """Where a template is. Raises TemplateError: there is none of this name; says which is meant, or all."""
    path = next((folder / f"{name}.toml" for folder in _folders(templates_dir) if _is_here(folder, name)), None)
    if path is None:
        raise TemplateError(_no_template(name, template_names(templates_dir)))
    return path


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
        TemplateError: the template is unknown or wrong, or a variable is missing, unknown or of another type.
        InvalidMessage: ``overrides`` are wrong; names the field.
    """
    return NotificationMessage(**fields_of_template(name, context, overrides or {}, templates_dir))


def fields_of_template(
    name: object, context: object, given: Mapping[str, Any], templates_dir: Path | None = None
) -> dict[str, Any]:
    """The fields of a message, of a template and those that are ``given`` beside it.

    These win, but for ``fields`` and ``metadata``, which are added.

    Raises:
        TemplateError: as ``render_template``.
    """
    if not isinstance(name, str):
        raise TemplateError(f"template: expected its name, not {type(name).__name__}")
    if not isinstance(context or {}, Mapping):
        raise TemplateError(f"context: expected a mapping of the template's variables, not {type(context).__name__}")
    template = load_template(name, templates_dir)
    said = markdown(given.get("markdown", template.parts.get("markdown")), lambda _: None, {})
    is_markdown = settings().markdown if said is None else said
    values: dict[str, Any] = dict(context or {})  # type: ignore[call-overload]
    rendering = _Rendering(f"{name}.toml", template, values, is_markdown=is_markdown)
    made = {"alert_type": template.alert_type, **rendering.made()}
    own = {key: value for key, value in given.items() if value is not None}
    if "fields" in own:
        own["fields"] = [*made["fields"], *_listed(own["fields"])]
    plain = [place for place in made["plain"] if place not in own]
    own["plain"] = [*plain, *items(own.get("plain"))]
    if isinstance(own.get("metadata"), Mapping):
        own["metadata"] = {**made.get("metadata", {}), **own["metadata"]}
    return made | own


def problems(templates_dir: Path | None = None) -> dict[str, str]:
    """What is wrong with templates, by name: of the file, or of the message that its example makes."""
    folder = templates_dir or settings().templates_dir
    found = {} if folder is None or folder.is_dir() else {str(folder): "NOTIFIER_TEMPLATES_DIR: no such folder"}
    for path in sorted({path for each in _folders(templates_dir) for path in each.glob("*.toml")}):
        if not NAME.fullmatch(path.stem):
            found[path.stem] = f"{path.name}: a name is of a-z, 0-9, _ and -, so this one is never found"
        elif not path.is_file():
            found[path.stem] = f"{path.name}: no file, so it is never read"
    for name in template_names(templates_dir):
        try:
            check_template(name, templates_dir)
        except (TemplateError, InvalidMessage) as error:
            found[name] = str(error)
    return found


def check_template(name: str, templates_dir: Path | None = None) -> None:
    """Read a template, and render its example if it has one.

    Raises:
        TemplateError: its file is wrong, its example does not fit, or what that makes had to be changed.
    """
    template = load_template(name, templates_dir)
    needs_none = template.variables is not None and not any(each.is_required for each in template.variables.values())
    if template.example or needs_none:
        made = NotificationMessage(**fields_of_template(name, template.example, {}, templates_dir))
        if made.adjusted:
            raise TemplateError(f"{name}.toml: of its example, {'; '.join(made.adjusted)}")


class _Rendering:
    """One template with its values."""

    def __init__(self, file: str, template: Template, context: dict[str, Any], *, is_markdown: bool) -> None:
        self._file, self._template, self._values = file, template, context
        self._is_markdown = is_markdown
        self._plain: set[str] = set()
        ends_at.set(time.monotonic() + SECONDS_MAX)
        if template.variables is None:
            return
        self._values, wrong = values_of(template.variables, context)
        if wrong:
            raise TemplateError(f"{file}: {'; '.join(wrong)}")
        self._make_defaults(template.variables)

    def _make_defaults(self, declared: Mapping[str, Variable]) -> None:
        """Raise TemplateError: a default is made of a variable that is not given."""
        for name, variable in declared.items():
            if not variable.is_made or self._values[name] is not None:
                continue
            used = meta.find_undeclared_variables(environment.parse(variable.default))
            if any(self._values[each] is None for each in used):
                if variable.required is not False:
                    raise TemplateError(f"{self._file}: {missing(name, variable)}")
                continue
            self._values[name] = self._text(variable.default, f"variables.{name}.default")

    def made(self) -> dict[str, Any]:
        """The fields of the message, without those that render to nothing. ``plain`` names what is no Markdown."""
        parts = dict(self._pruned(self._template.parts, ""))
        plain = [place for place in parts if place in self._plain]
        return {**parts, "fields": list(self._fields(plain)), "plain": plain}

    def _fields(self, plain: list[str]) -> Iterator[dict[str, Any]]:
        """The details, without those whose value renders to nothing."""
        count = 0
        for number, field in enumerate(self._template.fields):
            rendered = self._rendered(field, f"fields.{number}.")
            if not rendered["value"]:
                continue
            if f"fields.{number}.name" in self._plain:
                plain.append(f"fields.{count}.name")
            yield rendered | ({"markdown": False} if f"fields.{number}.value" in self._plain else {})
            count += 1

    def _pruned(self, parts: Mapping[str, Any], place: str) -> Iterator[tuple[str, Any]]:
        for name, part in parts.items():
            rendered = self._rendered(part, f"{place}{name}.")
            if rendered not in ("", {}, []):
                yield name, rendered

    def _rendered(self, part: Any, place: str) -> Any:
        if isinstance(part, str):
            return self._text(part, place.removesuffix(".")).strip()
        if isinstance(part, dict) and place.startswith("fields."):
            return {name: self._rendered(each, f"{place}{name}.") for name, each in part.items()}
        if isinstance(part, dict):
            return dict(self._pruned(part, place))
        if isinstance(part, list):
            made = [self._rendered(each, f"{place}{number}.") for number, each in enumerate(part)]
            return [each for each in made if each not in ("", {}, [])]
        return part

    def _text(self, text: str, place: str) -> str:
        try:
            return self._composed(text, place, is_read_as_markdown=self._is_markdown and place.startswith(MARKDOWN))
        except JinjaError as error:
            raise TemplateError(f"{self._file}: {place}: {error.message}") from None
        except Exception as error:  # of any filter, for any value
            raise TemplateError(f"{self._file}: {place}: {type(error).__name__}: {error}") from None

    def _composed(self, text: str, place: str, *, is_read_as_markdown: bool) -> str:
        pieces, length = [], 0
        for piece in _compiled(text, is_read_as_markdown).generate(**self._values):
            pieces.append(piece)
            length += len(piece)
            check_length(length)
        if is_read_as_markdown and is_markdown(pieces):
            shown = as_markdown(pieces)
        else:
            shown = as_text(pieces)
            if is_read_as_markdown and has_values(pieces) and is_escaped(shown):
                self._plain.add(place)  # it is escaped when it is drawn: what is stored stays readable
        check_length(len(shown))
        return shown


@lru_cache(maxsize=1_000)
def _compiled(text: str, is_markdown: bool) -> "jinja2.Template":
    return (in_markdown if is_markdown else environment).from_string(text)


def _listed(given: Any) -> list[Any]:
    """Fields in any form that a message takes, as a list."""
    if isinstance(given, Mapping) and not {"name", "value"} <= given.keys():
        return [{"name": name, "value": value} for name, value in given.items()]
    return items(given)


def _no_template(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"no template {name!r}" + (f"; {near[0]}?" if near else "") + f"; there are {', '.join(names)}"


def _folders(templates_dir: Path | None) -> list[Path]:
    own = templates_dir or settings().templates_dir
    return [own, BUILT_IN] if own else [BUILT_IN]


def _is_here(folder: Path, name: str) -> bool:
    # pathlib's raises PermissionError in a folder that may not be read
    return NAME.fullmatch(name) is not None and os.path.isfile(folder / f"{name}.toml")
