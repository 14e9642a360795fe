"""What may be in an image, a wheel or a source distribution: which files a build sees, and what they may hold."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from notifier.webhook import REAL_TOKEN_CHARACTERS, REAL_TOKEN_VARIETY

ROOT = Path(__file__).parents[1]
PLANTED = (
    *(".env", ".env.production", "prod.env", ".envrc", "id_rsa", "key.pem", "tls.key", "store.p12", "notes.txt"),
    *(
        "alerts.sqlite3",
        "alerts.sqlite3-wal",
        "secret.db",
        "dump.rdb",
        "appendonly.aof",
        "celerybeat-schedule",
        "x.log",
    ),
    *("settings.json", "docker-compose.override.yaml", "backup.tar.gz", ".npmrc", ".pypirc", "credentials"),
)
"""What lies among the files of a checkout, sooner or later."""
NAMES = re.compile(
    r"(^|/)(\.env|\.git/|\.venv/|id_[a-z0-9]+$|credentials|logs/|tests/|__pycache__/|\.pypirc|\.npmrc|celerybeat)"
    r"|\.(env|envrc|pem|key|p12|pfx|jks|db|sqlite3?|rdb|aof|log|bak|orig|swp|json|gz)(-[a-z]+)?$",
    re.IGNORECASE,
)
"""Names of what is not published."""
TEXTS: Mapping[str, re.Pattern[bytes]] = {
    "a private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a key of a service": re.compile(
        rb"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|github_pat_\w{20,}|xox[abp]-\w+|pypi-\w{30,})"
    ),
    "a path of a machine": re.compile(rb"/(?:work|root|home/[a-z]+|Users/[A-Za-z]+)/[\w.-]"),
    "a password in a URL": re.compile(rb"[a-z]://[^\s/:@\"'`{<*]*:(?!password@|secret@|guest@)[^\s/:@\"'`{<*]+@[\w.-]"),
    "what was planted": re.compile(rb"planted-secret"),
}
LONG = re.compile(rb"[\w-]{%d,}" % REAL_TOKEN_CHARACTERS)


def not_publishable(files: Mapping[str, bytes]) -> list[str]:
    """What must not be there, and where."""
    found = [f"{name}: its name" for name in files if NAMES.search(name)]
    for name, data in files.items():
        found += [f"{name}: {what}" for what, pattern in TEXTS.items() if pattern.search(data)]
        if any(len(set(each)) >= REAL_TOKEN_VARIETY for each in LONG.findall(data)):
            found.append(f"{name}: a token")
    return found


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    keeps: bool


class BuildContext:
    """The files that a ``.dockerignore`` leaves for a build, as Docker reads it (patterns without ``**``)."""

    def __init__(self, lines: Iterable[str]) -> None:
        rules = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        assert not any("**" in rule or "?" in rule or "[" in rule for rule in rules), (
            "this reader knows no such pattern"
        )
        self._rules = [_Rule(_as_regex(rule.removeprefix("!")), rule.startswith("!")) for rule in rules]

    def sees(self, name: str) -> bool:
        """Whether a file is in it: the last rule that matches it, or a folder above it, decides."""
        parts = name.split("/")
        paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        seen = True
        for rule in self._rules:
            if any(rule.pattern.fullmatch(path) for path in paths):
                seen = rule.keeps
        return seen


def _as_regex(pattern: str) -> re.Pattern[str]:
    return re.compile("[^/]*".join(map(re.escape, pattern.strip("/").split("*"))))
