"""Where settings come from: the environment and ``.env``, files, and what the program has given."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

from notifier.environment import environment, file_environment, given_environment, outer_environment, plain
from notifier.errors import ConfigurationError
from notifier.models import AlertType
from notifier.routing import ROUTES
from notifier.webhook import Webhook, parse_webhooks

DEFAULT_API_URL = "https://discord.com/api/v10"
OF_EVERYBODY = ("REDIS_URL", "CELERY_BROKER_URL", "NOTIFIER_REDIS_PASSWORD")
SECRETS = (*OF_EVERYBODY, "NOTIFIER_WEB_PASSWORD", "NOTIFIER_METRICS_TOKEN", "NOTIFIER_HEARTBEAT_URL")
"""What may also be in a file, besides webhooks: a container secret."""


class EnvironmentSource(PydanticBaseSettingsSource):
    """Reads the variables of fields: the environment over ``.env``; what is empty is not set.

    pydantic's own sources also look through each field's type, for JSON: that took half of the time of all settings.
    """

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: pydantic asks for it, and ``__call__`` reads all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The fields that it sets."""
        given = (*file_environment().items(), *os.environ.items())
        found = {name.upper(): value for name, value in given if value}
        names = (str(field.validation_alias) for field in self.settings_cls.model_fields.values())
        return {name: found[name] for name in names if name in found}


class WebhookSource(PydanticBaseSettingsSource):
    """Reads the webhook variables of the routing table, each also as ``…_FILE`` (a container secret)."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: pydantic asks for it, and ``__call__`` reads all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The fields that it sets."""
        variables = environment()
        api_url = plain(variables.get("DISCORD_API_URL", ""), hash_ends=True) or DEFAULT_API_URL
        webhooks: dict[AlertType, Webhook] = {}
        further: dict[AlertType, tuple[Webhook, ...]] = {}
        wrong: dict[AlertType, str] = {}
        for alert_type, route in ROUTES.items():
            for variable in route.webhook_variables:
                try:
                    if found := parse_webhooks(variable, _webhook_url(variable, variables), api_url):
                        webhooks[alert_type], *others = found
                        further |= {alert_type: tuple(others)} if others else {}
                        break
                except ConfigurationError as error:
                    wrong[alert_type] = str(error)
                    break
        return {"webhooks": webhooks, "further_webhooks": further, "wrong_webhooks": wrong}


class GivenSource(PydanticBaseSettingsSource):
    """Reads what the program itself has given."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: pydantic asks for it, and ``__call__`` reads all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The fields that it sets."""
        return {name: value for name, value in given_environment().items() if value}


class SecretFileSource(PydanticBaseSettingsSource):
    """Reads the variables of ``SECRETS`` as ``…_FILE``.

    One of the page's that cannot be read is noted: a worker goes on without it, as it has no use for it.
    """

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """Nothing: pydantic asks for it, and ``__call__`` reads all at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The fields that it sets. Raises ConfigurationError: a file that every process needs cannot be read."""
        variables, outer = environment(), outer_environment()
        found, unreadable = {}, []
        for name in SECRETS:
            try:
                if not plain(outer.get(name, "")) and (text := _text_of_file(name, variables)):
                    found[name] = text
            except ConfigurationError as error:
                if name in OF_EVERYBODY:
                    raise
                unreadable.append(str(error))
        return {**found, "unreadable_secrets": unreadable}


def _webhook_url(variable: str, variables: Mapping[str, str]) -> str:
    return plain(variables.get(variable, "")) or _text_of_file(variable, variables)


def _text_of_file(variable: str, variables: Mapping[str, str]) -> str:
    file = plain(variables.get(f"{variable}_FILE", ""))
    if not file:
        return ""
    try:
        return plain(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{variable}_FILE: cannot be read ({type(error).__name__})") from None
