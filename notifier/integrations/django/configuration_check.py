"""What ``manage.py check`` says of our settings."""

from typing import Any

from django.conf import settings as django_settings
from django.core import checks

from notifier.errors import ConfigurationError
from notifier.integrations.django.configuration import variables_of
from notifier.variable_names import nearest


def check_configuration(**_: Any) -> list[checks.CheckMessage]:
    """Errors E001 to E003, warnings W001 and W002, and I001; none of them shows a value."""
    from notifier.settings import Settings, settings

    found = _unknown_names(list(variables_of(getattr(django_settings, "NOTIFIER", {}))))
    try:
        now = Settings.load()
    except ConfigurationError as error:
        return [*found, checks.Error(str(error), id="notifier.E001")]
    if settings() != now:
        found.append(
            checks.Error(
                "settings.NOTIFIER came too late: notifier had read its settings before Django was set up.",
                hint="Import notifier's send_notification where Django is set up (in a function, not in the module that"
                " makes your Celery application), or set these variables in the environment.",
                id="notifier.E003",
            )
        )
    return found + _of_webhooks(now) + [checks.Warning(text, id="notifier.W002") for text in now.warnings]


def _unknown_names(names: list[str]) -> list[checks.CheckMessage]:
    from notifier.settings import Settings

    known = Settings.spellings()
    return [
        checks.Error(
            f"settings.NOTIFIER: {name} is no variable of notifier",
            hint=f"{near}?" if (near := nearest(name, known)) else None,
            id="notifier.E002",
        )
        for name in names
        if name.upper() not in known
    ]


def _of_webhooks(now: Any) -> list[checks.CheckMessage]:
    wrong = [checks.Error(text, id="notifier.E001") for text in now.wrong_webhooks.values()]
    missing = ", ".join(now.missing_webhooks)
    if not now.webhooks and not wrong:
        text = "No webhook is configured. A process that only raises alerts needs none; notifier's workers do."
        return [checks.Info(text, id="notifier.I001")]
    if missing and not wrong:
        return [checks.Warning(f"No webhook for some types of alert: {missing}", id="notifier.W001")]
    return [*wrong]
