"""The variables of this process, as people, shells and containers write them.

The environment wins over ``.env``, and both win over what the program itself has given. ``docker --env-file`` and
systemd hand quotes and comments on as part of a value; one that was copied from a page may have brought marks along.
"""

import os
import re
from collections.abc import Mapping

from dotenv import dotenv_values

ENV_FILE = ".env"

INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Marks without width that ``str.strip`` leaves: zero-width spaces and joiners, directions, the byte order mark."""
_ENDS = re.compile(rf"^[\s{INVISIBLE}]+|[\s{INVISIBLE}]+$")
_WRAPPED = re.compile(r"""(?P<open>["'`<“‘])(?P<inside>.*?)(?P<close>["'`>”’])(?:\s*\#.*)?""", re.DOTALL)
_PAIRS = ('""', "''", "``", "<>", "“”", "‘’")
_COMMENT = re.compile(r"(^|\s)\s*#.*$")
_CLOSE_COMMENT = re.compile(r"#.*$")


def plain(value: str, *, hash_ends: bool = False) -> str:
    """A value without what only surrounds it: spaces, marks without width, quotes, ``<…>``, a comment behind it.

    Args:
        hash_ends: a ``#`` cannot be part of this value, so a comment needs no space before it.
    """
    value = _ENDS.sub("", value)
    match = _WRAPPED.fullmatch(value)
    if match and match["open"] + match["close"] in _PAIRS:
        return plain(match["inside"], hash_ends=hash_ends)
    return _ENDS.sub("", (_CLOSE_COMMENT if hash_ends else _COMMENT).sub("", value))


def file_environment() -> dict[str, str]:
    """The variables of ``.env`` in the current folder."""
    found = dotenv_values(ENV_FILE)
    return {name: value for name, value in found.items() if value is not None}


def give(variables: Mapping[str, str]) -> None:
    """Set variables for this program, where neither the environment nor ``.env`` do."""
    _given.clear()
    _given.update({name.upper(): value for name, value in variables.items()})


def given_environment() -> dict[str, str]:
    """What was given."""
    return dict(_given)


def outer_environment() -> dict[str, str]:
    """What is set outside the program, by names in capitals."""
    return {name.upper(): value for name, value in {**file_environment(), **os.environ}.items()}


def environment() -> dict[str, str]:
    """All variables by their names in capitals."""
    found = outer_environment()
    return {**found, **{name: value for name, value in _given.items() if not found.get(name)}}


_given: dict[str, str] = {}
