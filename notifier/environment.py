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
# not compiled before they are used: most values are a number or a word
_ENDS = rf"^[\s{INVISIBLE}]+|[\s{INVISIBLE}]+$"
_WRAPPED = r"""(?s)(?P<open>["'`<“‘])(?P<inside>.*?)(?P<close>["'`>”’])(?:\s*\#.*)?"""
_PAIRS = ('""', "''", "``", "<>", "“”", "‘’")
_COMMENT = r"(^|\s)\s*#.*$"
_CLOSE_COMMENT = r"#.*$"


def plain(value: str, *, hash_ends: bool = False) -> str:
    """A value without what only surrounds it: spaces, marks without width, quotes, ``<…>``, a comment behind it.

    Args:
        hash_ends: a ``#`` cannot be part of this value, so a comment needs no space before it.
    """
    if not value or value.isalnum():
        return value
    value = re.sub(_ENDS, "", value)
    match = re.fullmatch(_WRAPPED, value)
    if match and match["open"] + match["close"] in _PAIRS:
        return plain(match["inside"], hash_ends=hash_ends)
    return re.sub(_ENDS, "", re.sub(_CLOSE_COMMENT if hash_ends else _COMMENT, "", value))


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
