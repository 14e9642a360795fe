"""``notifier metrics`` as a process."""

import json

from prometheus_client.parser import text_string_to_metric_families

from notifier.models import AlertType
from tests.e2e.conftest import Application, Notifier


def test_it_prints_what_prometheus_reads_or_the_same_as_json(application: Application, notifier: Notifier) -> None:
    application.raise_alerts("waits", alert_type=AlertType.ERROR)
    printed, told = notifier("metrics"), notifier("metrics", "--json")
    assert (printed.returncode, told.returncode) == (0, 0), printed.stderr + told.stderr
    families = {each.name: each for each in text_string_to_metric_families(printed.stdout)}
    waiting = {each.labels["alert_type"]: each.value for each in families["notifier_outbox_alerts"].samples}
    assert waiting == {**dict.fromkeys(AlertType, 0), "error": 1}
    assert {each["name"] for each in json.loads(told.stdout)} == set(families)
