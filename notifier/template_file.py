"""What the file of a template says, and whether it can be one.

A TOML file: ``title`` and, as in a message, any of its other parts; ``[[fields]]`` with ``name``, ``value`` and
``inline``. ``description`` says what it is for, ``[variables]`` declares what it is given, ``[example]`` holds values
to try it with. Every text in it is Jinja.
"""

import tomllib
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from notifier.errors import TemplateError
from notifier.models import AlertType, NotificationMessage
from notifier.template_language import TemplateSyntaxError, environment, meta
from notifier.template_variables import Variable, unknown, values_of

NOT_ITS_OWN = frozenset(("id", "files", "plain", "adjusted"))
"""Fields of a message that belong to one alert, or are made of it."""
PARTS = NotificationMessage.model_fields.keys() - NOT_ITS_OWN - {"alert_type", "fields"}
FIELD = ("name", "value", "inline")
FILE_BYTES_MAX = 2**20
"""Ours: far above what a template needs."""


class Template(BaseModel):
    """A template as its file describes it. ``parts``: the other fields of the message, their texts not rendered.

    ``variables`` is None in a file without that table: then whatever is given is taken, and what is used has to be.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    description: str = ""
    alert_type: AlertType
    fields: tuple[dict[str, Any], ...] = ()
    parts: dict[str, Any]
    variables: dict[str, Variable] | None = None
    example: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, data: dict[str, Any]) -> dict[str, Any]:
        parts = {name: value for name, value in data.items() if name in PARTS}
        return {**{name: value for name, value in data.items() if name not in PARTS}, "parts": parts}

    def texts(self) -> dict[str, str]:
        """Every string that is rendered, by its place in the file."""
        made = {
            f"variables.{name}.default": each.default for name, each in (self.variables or {}).items() if each.is_made
        }
        return made | dict(_texts(self.parts, "")) | dict(_texts(self.fields, "fields."))


def read_template(path: Path) -> Template:
    """Read and check a template's file.

    Raises:
        TemplateError: names the file, and what is wrong with it by its key.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise TemplateError(f"{path.name}: {error.strerror or error}") from None
    if len(content) > FILE_BYTES_MAX:
        raise TemplateError(f"{path.name}: more than {FILE_BYTES_MAX} bytes")
    return _parsed(path.name, content)


@lru_cache(maxsize=256)
def _parsed(file: str, content: bytes) -> Template:
    try:
        template = Template.model_validate(tomllib.loads(content.decode()))
        problems = [*_problems(template)]
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, each['loc']))}: {_problem(each)}" for each in error.errors()]
    except RecursionError:
        problems = ["nested too deep"]
    except ValueError as error:  # of TOML, of UTF-8, of a number with too many digits
        problems = [str(error)]
    if problems:
        raise TemplateError(f"{file}: {'; '.join(problems)}")
    return template


def _problem(error: Any) -> str:
    if error["type"] != "extra_forbidden":
        return str(error["msg"]).removeprefix("Value error, ")
    return _unknown_key(str(error["loc"][-1]), Variable.model_fields if "variables" in error["loc"] else _keys())


def _keys() -> list[str]:
    return [*PARTS, *(name for name in Template.model_fields if name != "parts")]


def _unknown_key(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return "unknown key" + (f"; {near[0]}?" if near else "")


def _problems(template: Template) -> Iterator[str]:
    if not isinstance(template.parts.get("title"), str):
        yield "title: a text is required"
    for number, field in enumerate(template.fields):
        yield from (f"fields.{number}.{key}: {_unknown_key(key, FIELD)}" for key in field if key not in FIELD)
        lacking = [key for key in ("name", "value") if not isinstance(field.get(key), str)]
        yield from (f"fields.{number}.{key}: a text is required" for key in lacking)
    for place, text in template.texts().items():
        yield from (f"{place}: {each}" for each in _problems_of_text(text, template.variables))
    if template.variables is not None and template.example:
        yield from (f"example: {each}" for each in values_of(template.variables, template.example)[1])


def _problems_of_text(text: str, declared: dict[str, Variable] | None) -> Iterator[str]:
    try:
        environment.compile(text)
        used = meta.find_undeclared_variables(environment.parse(text))
    except TemplateSyntaxError as error:
        yield f"line {error.lineno}: {error.message}"
    except (RecursionError, SyntaxError):  # of Python's parser
        yield "nested too deep"
    except ValueError as error:  # of a number with too many digits
        yield str(error)
    else:
        yield from (unknown(name, declared) for name in sorted(used) if declared is not None and name not in declared)


def used_variables(template: Template) -> set[str]:
    """The names of the variables that its texts use."""
    used = (meta.find_undeclared_variables(environment.parse(text)) for text in template.texts().values())
    return set().union(*used)


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place.removesuffix("."), value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, f"{place}{name}.")
    elif isinstance(value, list | tuple):
        for number, each in enumerate(value):
            yield from _texts(each, f"{place}{number}.")
