"""The bodies that are read, by the last part of the address."""

from typing import Any

from notifier.intake.alert_group import alertmanager, grafana
from notifier.intake.discord import discord
from notifier.intake.github import github
from notifier.intake.given_body import Shape, Taken, mapping
from notifier.intake.healthchecks import healthchecks
from notifier.intake.sentry import sentry
from notifier.intake.slack import slack


def own(body: Any) -> list[Taken]:
    """A ``NotificationMessage`` as JSON."""
    return [Taken(dict(mapping(body, "body")))]


SHAPES: dict[str, Shape] = {
    "alerts": own,
    "alertmanager": alertmanager,
    "grafana": grafana,
    "sentry": sentry,
    "github": github,
    "healthchecks": healthchecks,
    "slack": slack,
    "discord": discord,
}
