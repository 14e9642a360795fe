"""Jinja as far as a template may use it: bounded in size, in items and in time.

Jinja's sandbox hides Python's internals, but bounds nothing except ``range()``: it allows ``{{ "a" * 10 ** 9 }}``.
So constructs that could run or grow without bound are refused: calls, assignments, powers, loops in loops, and
filters that are not in ``FILTERS``.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from functools import wraps
from typing import Any, cast

from notifier.errors import ExtraMissing
from notifier.extras import install_hint
from notifier.template_filters import AS_MARKDOWN, AS_TEXT
from notifier.template_text import Value
from notifier.texts import text_of

try:
    from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, meta, nodes, pass_context
    from jinja2 import TemplateError as JinjaError
    from jinja2.exceptions import SecurityError
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.visitor import NodeTransformer
except ModuleNotFoundError:
    raise ExtraMissing(install_hint("a template", "templates")) from None

__all__ = [
    "SECONDS_MAX",
    "JinjaError",
    "TemplateSyntaxError",
    "check_length",
    "ends_at",
    "environment",
    "in_markdown",
    "meta",
]

RENDERED_CHARACTERS_MAX = 1_000_000
"""Ours: characters of one rendered text; as many as the longest text of a message may have."""
ITEMS_MAX = 10_000
"""Ours: items of one list, and passes of one loop."""
SECONDS_MAX = 2.0
"""Ours: the last resort, for what is small enough and yet takes long, as many comparisons of long texts do."""
DIGITS_MAX = 100
"""Ours: precision of ``round``, which else computes a power of ten without bound."""
FILTERS = (
    *("abs", "capitalize", "code", "count", "d", "default", "dictsort", "duration", "filesizeformat", "first", "float"),
    *(
        "int",
        "items",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "map",
        "markdown",
        "max",
        "min",
        "reject",
        "rejectattr",
    ),
    *("replace", "reverse", "round", "select", "selectattr", "sort", "string", "striptags", "time", "title"),
    *("trim", "truncate", "unique", "upper", "urlencode", "wordcount"),
)
_LANGUAGE = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Getattr, nodes.Getitem),
    *(nodes.Slice, nodes.If, nodes.For, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not),
    *(nodes.Test, nodes.Filter, nodes.Keyword, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Concat),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Neg, nodes.Pos),
)


ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))
"""When the rendering under way is given up, by the monotonic clock."""
OVER_ITEMS = frozenset(
    ("dictsort", "first", "items", "join", "last", "list", "map", "max", "min", "reject", "rejectattr", "select")
) | {"selectattr", "sort", "unique"}
"""Filters to which a text is a list of its characters."""


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)  # also what Jinja has noted on it: that it takes the context first
    def bounded(*args: Any, **kwargs: Any) -> Any:
        _check_time()
        given = [_bounded_value(each, name) for each in args]
        result = function(*given, **{key: _bounded_value(each, name) for key, each in kwargs.items()})
        return _bounded_value(result, "")

    return bounded


def _bounded_value(value: Any, name: str) -> Any:
    if isinstance(value, str):
        check_length(len(value), ITEMS_MAX if name in OVER_ITEMS else RENDERED_CHARACTERS_MAX)
    elif isinstance(value, Iterator):
        return _bounded_items(value)
    elif isinstance(value, list | tuple | set | frozenset | dict):
        _check_items(len(value))
    return value


def _bounded_items(items: Iterable[Any]) -> Iterator[Any]:
    if isinstance(items, Sized):
        _check_items(len(items))
    for count, each in enumerate(items, start=1):
        _check_items(count)
        _check_time()
        yield each


def _check_items(count: int) -> None:
    if count > ITEMS_MAX:
        raise SecurityError(f"more than {ITEMS_MAX} items")


def _check_time() -> None:
    if time.monotonic() > ends_at.get():
        raise SecurityError(f"more than {SECONDS_MAX:g} s")


def check_length(length: int, maximum: int = RENDERED_CHARACTERS_MAX) -> None:
    """Raise SecurityError if a text is longer."""
    if length > maximum:
        raise SecurityError(f"more than {maximum} characters")


def _join(value: Any, separator: str = "") -> str:
    texts = [str(each) for each in value]
    check_length(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _replace(value: Any, old: str, new: str) -> str:
    text = str(value)
    check_length(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if abs(precision) > DIGITS_MAX:
        raise SecurityError(f"more than {DIGITS_MAX} digits")
    rounded: float = _rounded_by_jinja(value, precision, method)
    return rounded


@pass_context  # so Jinja shows no constant beforehand, as a part of the template's own text
def _shown(_: object, value: Any) -> Any:
    """What stands in a text for the value of ``{{ … }}``: nothing for None, of a list one item a line."""
    if isinstance(value, Value | Undefined):
        return value
    return Value(text_of(value))  # also of a text: broken characters are replaced


class _Bounding(NodeTransformer):
    """Lets what Jinja does itself go through a filter that bounds it: the passes of a loop, and ``~``."""

    def visit_For(self, node: "nodes.For") -> "nodes.For":  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_items", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Concat(self, node: "nodes.Concat") -> "nodes.Filter":  # noqa: N802 - Jinja's name
        self.generic_visit(node)
        return nodes.Filter(nodes.List(node.nodes), "join", [], [], None, None, lineno=node.lineno)


def _check_language(tree: "nodes.Template") -> None:
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _LANGUAGE):
            raise TemplateSyntaxError(f"{type(node).__name__} is no part of a template's language here", node.lineno)
        if isinstance(node, nodes.For) and next(node.find_all(nodes.For), None):
            raise TemplateSyntaxError("a loop within a loop is no part of a template's language here", node.lineno)
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise TemplateSyntaxError(f"No filter named {node.name!r}.", node.lineno)


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "%", "+"})

    def _parse(self, source: str, name: str | None, filename: str | None) -> "nodes.Template":
        tree = super()._parse(source, name, filename)
        _check_language(tree)
        return cast("nodes.Template", _Bounding().visit(tree))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "+" and not isinstance(left, int | float):
            for each in (left, right):
                _bounded_value(each, "")
            return _bounded_value(super().call_binop(context, operator, left, right), "")
        if not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise SecurityError(f"'{operator}' is for numbers")
        return super().call_binop(context, operator, left, right)


# no autoescape: Discord shows text, not HTML
environment = _Environment(undefined=StrictUndefined, autoescape=False, finalize=_shown)
"""For texts that Discord shows as they are."""
_rounded_by_jinja = environment.filters["round"]
_own: dict[str, Callable[..., Any]] = {**environment.filters, "join": _join, "replace": _replace, "round": _round}
in_markdown = environment.overlay()
"""For texts that Discord reads as Markdown."""
_tests = cast("dict[str, Callable[..., Any]]", environment.tests)
_bounded_tests: Any = {name: _bounded("", test) for name, test in _tests.items()}
environment.globals.clear()
for each, filters in ((environment, AS_TEXT), (in_markdown, AS_MARKDOWN)):
    each.filters = {name: _bounded(name, filters.get(name) or _own[name]) for name in FILTERS}
    each.filters["_items"] = _bounded_items
    each.tests = _bounded_tests
