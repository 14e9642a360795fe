"""Writes ``docs/configuration.md`` from the class of the settings: ``uv run python -m scripts.configuration_page``.

Type, bounds and default of a variable come from ``notifier/settings.py``; what it means stands here, in the order of
the page.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from notifier.models import AlertType
from notifier.per_type import BY_TYPE, PER_TYPE, REFUSED
from notifier.routing import ROUTES
from notifier.setting_sources import SECRETS
from notifier.settings import MADE_OF_SEVERAL, Settings
from scripts.written import write_or_check

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
HEAD = """# Configuration

Every setting is an environment variable. None but the webhooks is needed. `scripts/configuration_page.py` writes this page from the class of the
settings, and a test compares the two.

- A process reads its environment, and the file `.env` in the folder where it starts. The environment outweighs the file. An empty
  value is the default.
- Quotes, `<…>`, spaces, invisible marks and a comment around a value are taken off.
- A value that cannot be is an error at the start, which names the variable. A name that is misspelt is a warning of a worker's start and of
  `notifier check`, with the nearest right one.
- Workers read them at their start: restart a worker to change one. An application reads them at its first alert.
- `_<TYPE>` at the end stands for an alert type, as in `DISCORD_LONG_TEXT_CRITICAL`: `GENERAL`, `ERROR`, `CRITICAL`, `TRACKLIST`, `MONITORING` or `SECURITY`. What
  is set for one type outweighs what is set for all.
- [`.env.example`](../.env.example) has all of them with their defaults, to copy.
"""

MEANINGS: dict[str, dict[str, str]] = {
    "Webhooks": {
        "DISCORD_WEBHOOK_GENERAL": "of general alerts. Only workers need webhooks. Each of these six takes several, as `url1,url2`: [more than 30 messages a minute](delivery.md#more-than-30-messages-a-minute). Each also as `…_FILE`: the path of a "
        "file that holds the URL (a container's secret)",
        "DISCORD_WEBHOOK_ERRORS": "of errors; `DISCORD_WEBHOOK_ERROR` is the same",
        "DISCORD_WEBHOOK_CRITICAL": "of critical alerts",
        "DISCORD_WEBHOOK_TRACKLIST": "of tracklists",
        "DISCORD_WEBHOOK_MONITORING": "of monitoring, and of the pipeline's own troubles",
        "DISCORD_WEBHOOK_SECURITY": "of security alerts",
        "DISCORD_API_URL": "where Discord is; the address of a sandbox goes here",
    },
    "Sending": {
        "DISCORD_RATE_LIMIT": "requests a minute to one webhook, at most. Discord's own limits are kept in any case",
        "DISCORD_TIMEOUT_SECONDS": "how long one request may take",
        "DISCORD_RETRY_ATTEMPTS": "how often an alert goes again whose request failed",
        "DISCORD_RETRY_BACKOFF_SECONDS": "the first wait before that; it doubles each time, with jitter",
        "DISCORD_RETRY_BACKOFF_MAX_SECONDS": "the longest such wait",
        "DISCORD_EXPIRE_SECONDS": "an alert that could not be delivered for so long is a dead letter",
        "DISCORD_BREAKER_FAILURES": "failures in a row that open the circuit breaker of a webhook",
        "DISCORD_BREAKER_OPEN_SECONDS": "how long it is open before one probe; doubles with each probe that fails",
        "DISCORD_BREAKER_OPEN_MAX_SECONDS": "the longest that this doubling leads to",
        "DISCORD_UNKNOWN_LEAVE": "types whose alerts are not sent again where the answer to a request was lost; they are dead letters then",
        "DISCORD_FALLBACK": "the type whose channel takes the alerts of a webhook that is gone or not configured; none: they are dead letters",
        "DISCORD_UNDELIVERABLE_SECONDS": "how long an alert waits for a worker that has a usable webhook for it; 0: not at all",
    },
    "What waits": {
        "DISCORD_QUEUE_SIZE": "alerts of one type that may wait (critical and security: twice as many). "
        "Each process that raises alerts goes by its own: set it for applications too",
        "NOTIFIER_MEMORY_BYTES_MAX": "bytes that may wait over all types",
        "DISCORD_QUEUE_OVERFLOW": "of what finds no room: `digest` folds it into one alert that counts, `reject` raises `QueueFull` at the caller",
    },
    "Texts": {
        "DISCORD_MARKDOWN": "whether an application's own texts are Discord's Markdown; off: all is drawn as it stands",
        "DISCORD_LONG_TEXT": "of a text that is too long for one message: `attach` puts all of it into a file, `split` sends numbered messages",
        "DISCORD_SPLIT_MAX": "how many such messages at most; what needs more is attached",
        "NOTIFIER_TEMPLATES_DIR": "a folder of your own [templates](templates.md), searched before the built-in ones",
        "NOTIFIER_MASK_SECRETS": "whether [secrets in an alert's text](discord.md#secrets-in-the-text) are masked before it is stored",
        "NOTIFIER_SECRET_PATTERNS": "what else is a secret with you: regular expressions with spaces between them (a space in one: `\\s`); of one with "
        "a group, the first group is masked",
    },
    "Whom an alert pings": {
        "DISCORD_MENTION": "whom alerts of one type ping, as `@here,role:123,user:456`",
        "DISCORD_MENTION_QUIET_SECONDS": "further alerts of that type within so long ping nobody; 0: all ping",
        "DISCORD_QUIET_HOURS": "[quiet hours](quiet.md), as `22:00-07:00 Europe/Berlin`, with `hold` behind it to keep alerts until they are over; "
        "`off` for one type: none. Critical and security alerts have only their own",
    },
    "Incidents": {
        "DISCORD_DEDUP_SECONDS": "an [incident](incidents.md) is over once no repeat came for so long",
        "DISCORD_REOPEN_SECONDS": "one that comes again so soon after it was resolved keeps its message",
        "DISCORD_REPEAT": "a repeat edits the message (`edit`), or deletes it and posts another one (`replace`), which is heard",
        "DISCORD_DEDUP_TEXT": "whose text the message shows",
        "DISCORD_DEDUP_REPOST_AFTER": "once so many other messages of ours came behind it, it is deleted and posted anew; 0: never",
        "DISCORD_INCIDENT_THREAD": "whether updates and the resolution are told in the message's thread too",
        "DISCORD_REMIND_SECONDS": "an open incident that nobody acknowledges is told again after so long, and each time after twice as long; 0: never",
        "DISCORD_ESCALATE_AFTER": "after so long it is escalated, once; 0: never",
        "DISCORD_ESCALATE_TO": "to whom: an alert type and mentions, as `critical,role:123`",
        "DISCORD_GROUP_SECONDS": "alerts of one type are [collected](incidents.md#grouping) for so long and go as one message; 0: each goes at once. Never critical ones",
    },
    "Redis and Celery": {
        "REDIS_URL": "[Redis](redis.md): outboxes, gates, history and Celery's results",
        "NOTIFIER_REDIS_PASSWORD": "the password of `REDIS_URL`, if it has none",
        "CELERY_BROKER_URL": "where Celery's messages travel, if elsewhere: RabbitMQ, or another Redis; none: `REDIS_URL`",
        "NOTIFIER_KEY_PREFIX": "what every key begins with: two deployments may share one database",
        "NOTIFIER_CALLBACK_QUEUE": "the queue to which a worker sends what hangs on an alert (link, chain, chord), if its signature names none",
        "NOTIFIER_START_SECONDS": "how long a worker that starts waits for Redis and the broker before it ends; 0: as long as it takes",
        "NOTIFIER_HEARTBEAT_URL": "is called while the pipeline moves, for a service that tells somebody once it is called no more",
        "NOTIFIER_HEARTBEAT_SECONDS": "how often, for the whole fleet",
        "NOTIFIER_SWEEP_SECONDS": "how often a worker looks for alerts that no task will come for",
    },
    "Applications": {
        "NOTIFIER_BACKEND": "where alerts go: in development to `memory` (kept in the process), `console` (drawn on standard error) or `null` (nowhere)",
        "NOTIFIER_PUBLISH_TIMEOUT_SECONDS": "how long a call may take if Redis does not answer",
        "NOTIFIER_SPOOL_DIR": "the folder that takes alerts meanwhile; none: the call raises `BrokerUnavailable`",
        "NOTIFIER_SPOOL_MAX": "alerts that it may hold",
        "NOTIFIER_SPOOL_BYTES_MAX": "bytes that it may hold",
        "DISCORD_DIRECT_FALLBACK": "types that the application itself posts to Discord meanwhile; it needs their webhooks",
    },
    "Looking after it": {
        "DISCORD_HISTORY_DAYS": "how long the history is kept",
        "NOTIFIER_HISTORY_TEXT_BYTES": "how much of a long text it keeps (a dead letter keeps all)",
        "NOTIFIER_WATCH_SECONDS": "the pipeline's own troubles are alerts too, at most one per cause in so long; 0: none",
        "NOTIFIER_LOG_FILE": "the log of workers, beside their standard output",
        "NOTIFIER_FLOWER_HOSTS": "names by which Flower may be reached, besides localhost and addresses",
        "NOTIFIER_WEB_USER": "the one user of the [operator's page](web.md), `notifier web`",
        "NOTIFIER_WEB_PASSWORD": "its password; without one the page is for this machine alone",
        "NOTIFIER_WEB_HOSTS": "names by which the page may be reached, besides localhost and addresses",
        "NOTIFIER_WEB_READ_ONLY": "whether the page only shows, and changes nothing",
        "NOTIFIER_METRICS_TOKEN": "who has it may read `/metrics` of the page, besides its user",
        "NOTIFIER_METRICS_OPEN": "whether everybody may read them",
        "NOTIFIER_LOG_FORMAT": "of a worker's lines: `auto` is text in a terminal, else JSON",
        "NOTIFIER_RUN_DIR": "the folder of the files by which `notifier live` and `notifier ready` find the workers of a machine",
    },
}

WORDS = {
    **dict.fromkeys((route.webhook_variables[0] for route in ROUTES.values()), "URL, or several"),
    **dict.fromkeys(("DISCORD_API_URL", "REDIS_URL", "CELERY_BROKER_URL", "NOTIFIER_HEARTBEAT_URL"), "URL"),
    "DISCORD_MENTION": "mentions",
    "DISCORD_ESCALATE_TO": "an alert type, mentions",
    "DISCORD_QUIET_HOURS": "hours",
    "NOTIFIER_SECRET_PATTERNS": "regular expressions",
    "NOTIFIER_FLOWER_HOSTS": "names, with commas",
    "NOTIFIER_WEB_HOSTS": "names, with commas",
}
"""What the value of some is, in words."""
UNITS = {"SECONDS": "s", "AFTER": "s", "BYTES": "bytes", "DAYS": "days", "LIMIT": "a minute"}
"""By a word of the variable's name."""
COUNTS = {"DISCORD_DEDUP_REPOST_AFTER"}
"""Those without a unit all the same."""


def page() -> str:
    """The text of the page. Raises: KeyError, with what to do, for a variable without a meaning."""
    fields = dict(_variables())
    told = {name for section in MEANINGS.values() for name in section}
    if missing := sorted(set(fields) - told):
        raise KeyError(f"say in MEANINGS of scripts/configuration_page.py what {', '.join(missing)} means")
    parts = [HEAD]
    for title, section in MEANINGS.items():
        rows = [_row(name, meaning, fields[name]) for name, meaning in section.items()]
        parts.append(
            "\n".join(
                [f"## {title}\n", "| variable | value | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]
            )
        )
    return "\n".join(parts)


def _variables() -> Iterator[tuple[str, FieldInfo | None]]:
    """Each variable once, those of one alert type under the name they have in common. None: a webhook."""
    for route in ROUTES.values():
        yield route.webhook_variables[0], None
    for name, info in Settings.model_fields.items():
        if not name.endswith(MADE_OF_SEVERAL):
            yield str(info.validation_alias), info
        elif name.endswith(BY_TYPE) and (base := name.removesuffix(BY_TYPE)) not in Settings.model_fields:
            yield PER_TYPE[base], info


def _row(name: str, meaning: str, info: FieldInfo | None) -> str:
    variables = f"`{name}`"
    if base := next((base for base, variable in PER_TYPE.items() if variable == name), None):
        of_one = f"`{name}_<TYPE>`" + ", not critical" * any(refused == base for refused, _ in REFUSED)
        variables = f"{variables}, {of_one}" if base in Settings.model_fields else of_one
    if name in SECRETS:
        variables = f"{variables}, `{name}_FILE`"
    return f"| {variables} | {_value(name, info)} | {_default(info)} | {meaning} |"


def _value(name: str, info: FieldInfo | None) -> str:
    if info is None or name in WORDS:
        return WORDS[name]
    kind, metadata = info.annotation, info.metadata
    if get_origin(kind) is Mapping:  # of one alert type
        kind = get_args(kind)[1]
        if metadata_of := getattr(kind, "__metadata__", ()):
            kind, metadata = get_args(kind)[0], metadata_of[0].metadata
    if get_origin(kind) is Literal:
        return " or ".join(f"`{each}`" for each in get_args(kind))
    if kind in (int, float):
        return _number(name, metadata)
    plain = {
        bool: "`on` or `off`",
        frozenset[AlertType]: "alert types, with commas",
        AlertType: "an alert type",
        Path: "path",
        str: "text",
        SecretStr: "text",
    }
    return plain[next(each for each in (kind, *get_args(kind)) if each in plain)]


def _number(name: str, metadata: Sequence[object]) -> str:
    unit = "" if name in COUNTS else next((unit for word, unit in UNITS.items() if word in name.split("_")), "")
    least = next(
        f"above {each.gt}" if isinstance(each, Gt) else f"{each.ge}" for each in metadata if isinstance(each, Gt | Ge)
    )
    most = next(each.le for each in metadata if isinstance(each, Le))
    return f"{least} to 1 TiB" if most == 2**40 else f"{least} to {most:,} {unit}".rstrip()


def _default(info: FieldInfo | None) -> str:
    default = None if info is None or info.default_factory else info.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if isinstance(default, bool):
        default = "on" if default else "off"
    if isinstance(default, tuple | frozenset):
        default = ",".join(sorted(default))
    if isinstance(default, int | float):
        return str(default)
    return f"`{default}`" if default and str(default) else "none"


if __name__ == "__main__":
    write_or_check(PAGE, page(), "configuration_page")
