"""The options in the query of a Redis URL: how each is read, and why some are refused.

An option is taken only if redis-py, Celery's transport, its result backend and Flower can all follow it.
"""

import math
import os
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

WORDS = {"1": True, "t": True, "true": True, "y": True, "yes": True, "on": True}
WORDS |= {"0": False, "f": False, "false": False, "n": False, "no": False, "off": False}
CERTIFICATE_CHECKS = ("none", "optional", "required")


class Group(Enum):
    """What an option is about."""

    LOGIN = auto()
    DATABASE = auto()
    CONNECTION = auto()
    TLS = auto()
    SENTINEL = auto()


class Option(NamedTuple):
    """One option: its group, what reads it, and what is expected, in words."""

    group: Group
    read: Callable[[str], Any]
    wanted: str


def _text(value: str) -> str:
    if not value:
        raise ValueError
    return value


def _flag(value: str) -> bool:
    if value.lower() not in WORDS:
        raise ValueError
    return WORDS[value.lower()]


def _seconds(value: str) -> float:
    seconds = float(value)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError
    return seconds


def _at_least(least: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not (value.isascii() and value.isdigit()) or int(value) < least:
            raise ValueError
        return int(value)

    return read


def _protocol(value: str) -> int:
    if value != "2":
        raise ValueError
    return 2


def _certificate_check(value: str) -> str:
    word = value.lower().removeprefix("cert_")
    if word not in CERTIFICATE_CHECKS:
        raise ValueError
    return word


def _file(value: str) -> str:
    if not (os.path.isfile(value) and os.access(value, os.R_OK)):
        raise ValueError
    return value


OPTIONS: Mapping[str, Option] = {
    "username": Option(Group.LOGIN, _text, "a text"),
    "password": Option(Group.LOGIN, _text, "a text"),
    "db": Option(Group.DATABASE, _at_least(0), "the number of a database"),
    "virtual_host": Option(Group.DATABASE, _at_least(0), "the number of a database"),
    "client_name": Option(Group.CONNECTION, _text, "a text"),
    "health_check_interval": Option(Group.CONNECTION, _at_least(0), "a whole number of seconds"),
    "max_connections": Option(Group.CONNECTION, _at_least(1), "a whole number from 1"),
    "protocol": Option(Group.CONNECTION, _protocol, "2, the one that Celery's transport speaks"),
    "socket_connect_timeout": Option(Group.CONNECTION, _seconds, "seconds above 0"),
    "socket_keepalive": Option(Group.CONNECTION, _flag, "true or false"),
    "socket_timeout": Option(Group.CONNECTION, _seconds, "seconds above 0"),
    "ssl_ca_certs": Option(Group.TLS, _file, "the path of a file that can be read"),
    "ssl_cert_reqs": Option(Group.TLS, _certificate_check, "none, optional or required"),
    "ssl_certfile": Option(Group.TLS, _file, "the path of a file that can be read"),
    "ssl_check_hostname": Option(Group.TLS, _flag, "true or false"),
    "ssl_keyfile": Option(Group.TLS, _file, "the path of a file that can be read"),
    "master_name": Option(Group.SENTINEL, _text, "a text"),
    "sentinel_password": Option(Group.SENTINEL, _text, "a text"),
    "sentinel_ssl": Option(Group.SENTINEL, _flag, "true or false"),
    "sentinel_username": Option(Group.SENTINEL, _text, "a text"),
    "ssl": Option(Group.SENTINEL, _flag, "true or false"),
}

_OURS = "is set by this program; leave it out"
_REPEATED = "nothing is repeated by itself, for a step whose answer was lost may have run; leave it out"
_UNKNOWN_TO_SOME = (
    *("credential_provider", "lib_name", "lib_version", "socket_keepalive_options", "socket_read_size", "socket_type"),
    *("ssl_ca_data", "ssl_ca_path", "ssl_ciphers", "ssl_min_version", "ssl_password"),
    *("ssl_validate_ocsp", "ssl_validate_ocsp_stapled"),
)
REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("decode_responses", "encoding", "encoding_errors", "timeout"), _OURS),
    **dict.fromkeys(("retry", "retry_on_error", "retry_on_timeout"), _REPEATED),
    **dict.fromkeys(_UNKNOWN_TO_SOME, "cannot be used, for Celery's transport or Flower does not know it"),
}
"""Options of redis-py's that are not taken, and why."""


def read_query(query: str) -> dict[str, Any]:
    """The options of one query, each as its type.

    Raises:
        ValueError: an option is unknown, refused, given twice or wrong; names it, and shows no value.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), errors="strict")
    except ValueError:
        raise ValueError("in the query: expected ?name=value&name=value, percent-encoded") from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name}: given twice")
        found[name] = _read(name, value)
    return found


def _read(name: str, value: str) -> Any:
    if name in REFUSED:
        raise ValueError(f"{name}: {REFUSED[name]}")
    if name not in OPTIONS:  # not shown: it may be part of a password
        raise ValueError(f"in the query: an unknown option; known are {', '.join(OPTIONS)}")
    try:
        return OPTIONS[name].read(value)
    except ValueError:
        raise ValueError(f"{name}: expected {OPTIONS[name].wanted}") from None


def of_group(options: Mapping[str, Any], group: Group) -> dict[str, Any]:
    """Those of one group."""
    return {name: value for name, value in options.items() if OPTIONS[name].group is group}
