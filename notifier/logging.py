"""The logging handler, under the name by which configurations find it: ``notifier.logging.DiscordHandler``."""

from notifier.integrations.log_handler import DiscordHandler

__all__ = ["DiscordHandler"]
