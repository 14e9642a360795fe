"""Settings that one alert type may have for itself: their variables, as ``DISCORD_LONG_TEXT_CRITICAL``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

from notifier.environment import environment, plain
from notifier.models import AlertType

BY_TYPE = "_by_type"
"""How the name of the field ends that has those of the types."""
PER_TYPE = {
    "long_text": "DISCORD_LONG_TEXT",
    "mentions": "DISCORD_MENTION",
    "dedup_seconds": "DISCORD_DEDUP_SECONDS",
    "repeat": "DISCORD_REPEAT",
    "dedup_text": "DISCORD_DEDUP_TEXT",
    "remind_seconds": "DISCORD_REMIND_SECONDS",
    "escalate_after": "DISCORD_ESCALATE_AFTER",
    "escalate_to": "DISCORD_ESCALATE_TO",
    "dedup_repost_after": "DISCORD_DEDUP_REPOST_AFTER",
    "incident_thread": "DISCORD_INCIDENT_THREAD",
    "quiet_hours": "DISCORD_QUIET_HOURS",
    "group_seconds": "DISCORD_GROUP_SECONDS",
}
"""The fields of which there is one for each type, and how their variables begin (of some, one for all types)."""
REFUSED = {("group_seconds", AlertType.CRITICAL)}
"""What cannot be set."""


class PerTypeSource(PydanticBaseSettingsSource):
    """Reads what is set for one alert type alone."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: pydantic asks for it, and ``__call__`` reads all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The values of each field, by type."""
        variables = environment()
        return {f"{name}{BY_TYPE}": _values(name, variables) for name in PER_TYPE}


def variable_of(name: str, alert_type: AlertType) -> str:
    """The variable that sets a field for one alert type alone."""
    return f"{PER_TYPE[name]}_{alert_type.upper()}"


def variables_per_type() -> list[str]:
    """All that may be set."""
    return [variable_of(name, kind) for name in PER_TYPE for kind in AlertType if (name, kind) not in REFUSED]


def named(location: Sequence[int | str]) -> str:
    """The variable that an error of pydantic's is about."""
    name, *inner = map(str, location)
    if not name.endswith(BY_TYPE):
        return name
    name = name.removesuffix(BY_TYPE)
    return variable_of(name, AlertType(inner[0])) if inner else PER_TYPE[name]


def _values(name: str, variables: Mapping[str, str]) -> dict[AlertType, str]:
    # also what is refused, so that it is told
    texts = {kind: plain(variables.get(variable_of(name, kind), ""), hash_ends=True) for kind in AlertType}
    return {kind: text for kind, text in texts.items() if text}
