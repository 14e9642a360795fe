"""Masks secrets in the text of an alert, so that none is stored, logged or posted."""

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from notifier.secret_kinds import BOT_TOKEN_MIDDLE, COOKIE_NAME, KINDS, MASK, SecretKind, is_secret_value
from notifier.secret_kinds import SECRET_NAME as SECRET_NAME

OWN_SECONDS = 0.2
"""Ours: what the patterns of a deployment may take for one alert, whatever they are and whatever its text is."""
DEPTH_MAX = 100
"""Ours: of what is nested deeper, the JSON is looked through, as a text."""
OWN = "own pattern"
DOT = "."
"""What bot tokens have in place of a word."""
_WITHOUT_WORD = tuple(kind for kind in KINDS if DOT in kind.words)
_SHORT_MASK = "xxx"


def kinds_in(text: str) -> list[SecretKind]:
    """Those of which a text may hold one. A plain alert is asked once, with all of its texts."""
    lowered = text.lower()
    found: list[SecretKind] = []
    words = {each[0] for each in _any_word().finditer(lowered)}
    if not words:  # as nearly always, and in a quarter of the time
        return found
    if words == {DOT}:  # as in the name of a host
        return list(_WITHOUT_WORD)
    for kind in KINDS:
        for word in kind.words:  # as any() it takes twice as long, in each call
            if word in lowered:
                found.append(kind)
                break
    return found


@cache
def _any_word() -> re.Pattern[str]:
    """Finds a word of any kind, or the place of what a bot token may have in place of one."""
    words = {word for kind in KINDS for word in kind.words} - {DOT}
    # the search passes over what no way begins with, if each begins with a character of its own
    behind_dot = BOT_TOKEN_MIDDLE.removeprefix(r"\.")
    return re.compile("|".join([*_ways(words), rf"\.(?={behind_dot})"]))


def _tree(words: Collection[str]) -> str:
    """An expression for one of these: each letter is looked at once, which is eight times as fast as word by word."""
    if "" in words:
        return ""
    ways = _ways(words)
    return ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _ways(words: Collection[str]) -> list[str]:
    rests: dict[str, list[str]] = {}
    for word in words:
        rests.setdefault(word[0], []).append(word[1:])
    return [re.escape(first) + _tree(rest) for first, rest in rests.items()]


def mask(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with each secret in it masked, and the kinds of those, each once."""
    masking = Masking()
    return masking.text(text), masking.kinds


class Masking:
    """The masking of one alert. ``kinds``: of the secrets found so far.

    Args:
        own: patterns of the deployment (``NOTIFIER_SECRET_PATTERNS``).
        among: the kinds that are looked for; None: all.
    """

    def __init__(self, own: Sequence[str] = (), among: Sequence[SecretKind] | None = None) -> None:
        self._own = own
        self._among = KINDS if among is None else among
        self._own_until = 0.0
        self._found: dict[str, None] = {}
        self.too_slow = False
        """Whether the deployment's own patterns took longer than they may, so that some were not looked for."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """In the order in which they were found."""
        return tuple(self._found)

    def text(self, text: str, *, links: bool = True) -> str:
        """The same without secrets. It is never longer. ``links``: signed links too."""
        lowered = text.lower()
        for kind in self._among:
            if (links or not kind.link) and any(word in lowered for word in kind.words):
                kept, text = text, self._without(kind, text, lowered)
                lowered = lowered if text is kept else text.lower()
        for pattern in self._own:
            text = self._without_own(pattern, text)
        return text

    def value(self, value: Any, name: str = "", depth: int = 0) -> Any:  # noqa: PLR0911 - one for each form
        """The same for what JSON can hold. ``name``: its key, which may say that it is a secret."""
        match value:
            case Mapping() | list() | tuple() if depth > DEPTH_MAX:
                text = json.dumps(value, default=str)
                return value if (masked := self.text(text)) == text else masked
            case str():
                return self._named(name, value) if name else self.text(value)
            case {"name": str(named), "value": str(shown)}:  # a field
                return {key: self.value(each) for key, each in value.items()} | {"value": self.field(named, shown)}
            case Mapping():
                return {self._key(key): self.value(each, str(key), depth + 1) for key, each in value.items()}
            case [str(key), str(each)] if SECRET_NAME.fullmatch(key):  # a header, as some clients keep it
                return type(value)([key, self._named(key, each)])
            case list() | tuple():
                return type(value)([self.value(each, name, depth + 1) for each in value])
        return value

    def _key(self, key: Any) -> Any:
        return self.text(key) if isinstance(key, str) else key

    def field(self, name: str, value: str) -> str:
        """The value of a field that people read: after a name such as Password may stand a word."""
        return self.text(value) if value.isalpha() else self._named(name, value)

    def _named(self, name: str, value: str) -> str:
        masked = self.text(value)
        if COOKIE_NAME.fullmatch(name.strip()):  # a header, of which the name tells what is in the text
            return self.text(f"{name}: {masked}")[len(name) + 2 :]
        if masked == value and SECRET_NAME.fullmatch(name.strip()) and is_secret_value(value):
            self._found["password"] = None
            return _mask_of(value)
        return masked

    def _without(self, kind: SecretKind, text: str, lowered: str) -> str:
        parts, last = [], 0
        for found in _all_of(kind, text, lowered):
            if kind.is_one(found):
                start, end = found.span(found.lastindex or 0)
                parts += [text[last:start], _mask_of(text[start:end])]
                last = end
                self._found[kind.name] = None
        return "".join([*parts, text[last:]]) if parts else text

    def _without_own(self, pattern: str, text: str) -> str:
        import regex  # slow to import, and rarely needed

        def masked(found: "regex.Match[str]") -> str:
            start, end = found.span(1) if found.re.groups and found[1] else found.span()
            if text[start:end].strip("()") in ("", "masked", _SHORT_MASK):  # masked before
                return found[0]
            self._found[OWN] = None
            return f"{text[found.start() : start]}{_mask_of(text[start:end])}{text[end : found.end()]}"

        compiled = regex.compile(pattern)
        self._own_until = self._own_until or time.monotonic() + OWN_SECONDS  # from when all is imported
        if (left := self._own_until - time.monotonic()) > 0:
            try:
                return compiled.sub(masked, text, timeout=left)
            except TimeoutError:
                pass
        self.too_slow = True
        return text


def _all_of(kind: SecretKind, text: str, lowered: str) -> Iterator[re.Match[str]]:
    pattern = _compiled(kind.pattern)
    if not kind.at_words or len(lowered) != len(text):
        yield from pattern.finditer(text)
        return
    last = 0
    for start in sorted({each for word in kind.words for each in _places(word, lowered)}):
        if start >= last and (found := pattern.match(text, start)):
            yield found
            last = found.end()


def _places(word: str, text: str) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)


def _mask_of(secret: str) -> str:
    return MASK if len(secret) >= len(MASK) else _SHORT_MASK[: len(secret)]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def check_patterns(patterns: Sequence[str]) -> None:
    """Check what a deployment has set.

    Raises:
        ValueError: says which one is wrong, and why.
    """
    import regex

    for number, pattern in enumerate(patterns, 1):
        try:
            matches_nothing = regex.compile(pattern).fullmatch("", timeout=OWN_SECONDS)
        except (regex.error, TimeoutError, RecursionError) as error:
            raise ValueError(f"pattern {number} is no regular expression: {error}") from None
        if matches_nothing:
            raise ValueError(f"pattern {number} matches the empty text, and so any")
