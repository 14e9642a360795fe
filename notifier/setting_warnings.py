"""What of the settings is dangerous and not wrong, and what is set in vain, in words."""

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from notifier.environment import outer_environment
from notifier.hosts import is_loopback
from notifier.variable_names import unknown_variables


def set_in_vain(known: Collection[str]) -> list[str]:
    """Variables that look like ours, and are none of these."""
    given = [name for name, value in outer_environment().items() if value]
    return [
        f"{name} is no variable of this program, and is ignored{f'; {near}?' if near else ''}"
        for name, near in unknown_variables(given, known).items()
    ]


def without_tls(api_url: str, real: Sequence[str]) -> list[str]:
    """Whether somebody may read the tokens of webhooks. ``real``: the variables of those that look like Discord's."""
    parts = urlsplit(api_url)
    if not real or parts.scheme == "https" or is_loopback(parts.hostname or ""):
        return []
    return [
        f"DISCORD_API_URL: without TLS, whoever is between here and {parts.hostname} reads the tokens of"
        f" {', '.join(real)}; expected https://, or an address of this machine"
    ]
