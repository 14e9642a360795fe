"""What silences have kept away, told when they end."""

from notifier.models import AlertType, NotificationMessage, Severity
from notifier.outbox.silences import Silence, Silenced, Silences
from notifier.producer.client import Client


class SilenceWatch:
    """Raises one alert for each silence that has ended. Several workers may do so at once."""

    def __init__(self, silences: Silences, client: Client) -> None:
        self._silences = silences
        self._client = client

    def report(self) -> None:
        """Raise what is to be raised.

        Raises:
            BrokerUnavailable: Redis did not answer. What was not raised then is raised later.
        """
        for silence, silenced in self._silences.over():
            # with an id of its own: a worker that ends before it has said that it was told is followed by another
            self._client.submit(_message(silence, silenced))
            self._silences.told(silence.id)


def _message(silence: Silence, silenced: Silenced) -> NotificationMessage:
    told = [f"{count} × {title}" for title, count in silenced.titles.items()]
    told += [f"{silenced.others} × others"] if silenced.others else []
    match = ", ".join(f"{part} {glob}" for part, glob in silence.match.items())
    fields = {"Type": silence.alert_type, "Matched": match, "By": silence.by, "Why": silence.why}
    count = {0: "no alert was", 1: "1 alert was"}.get(silenced.count, f"{silenced.count} alerts were")
    return NotificationMessage(
        id=f"silence-{silence.id}",
        alert_type=silence.alert_type or AlertType.MONITORING,
        severity=Severity.INFO,
        title=f"A silence has ended: {count} silenced",
        message="\n".join(told) or "It matched nothing.",
        fields=[
            {"name": name, "value": text, "inline": True, "markdown": False} for name, text in fields.items() if text
        ],
        plain=["message"],
    )
