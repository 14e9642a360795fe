"""The HTTP client of Discord's webhooks: one request, its answer as a value, and no secret in any text.

No exception of ``requests`` leaves this package: its text contains the URL, and the URL contains the token.
"""

from notifier.discord.client import DiscordClient
from notifier.discord.outcomes import outcome_of, outcome_of_exception
from notifier.discord.redaction import install_log_redaction, redact

__all__ = [
    "DiscordClient",
    "install_log_redaction",
    "outcome_of",
    "outcome_of_exception",
    "redact",
]
