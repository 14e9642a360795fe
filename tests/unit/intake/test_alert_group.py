"""Alertmanager and Grafana: each alert of a group is an incident by its fingerprint."""

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from notifier.errors import InvalidMessage
from notifier.intake.alert_group import FIRING_MAX, RESOLVED_MAX
from tests.unit.intake.conftest import fields, read, taken

Body = Callable[[str], Any]


def test_each_alert_of_a_group_is_an_incident_and_one_that_is_resolved_ends_its_own(body: Body) -> None:
    over, down, _ = read("alertmanager", body("alertmanager"))
    assert (down.dedup_key, down.resolved) == ("alertmanager/1a30ba71cca29211", False)
    assert (over.dedup_key, over.resolved) == ("alertmanager/1a30ba71cca29212", True)
    assert down.dedup_seconds == 30 * 86_400, "Alertmanager says itself when it is over"
    assert (down.title, down.severity) == ("ProbeFailure (https://server1.example.org)", "critical")
    assert down.message.splitlines() == [
        "BlackBox Probe Failure: https://server1.example.org",
        "Instance https://server1.example.org has been down for over 5m. Job: http_checks",
    ]
    assert (down.markdown, down.source, down.timestamp.isoformat()) == (
        False,
        "sms",
        "2023-02-06T13:08:45.828000+00:00",
    )
    assert down.url == "http://prometheus.example.org:9090/graph?g0.expr=probe_success+%3D%3D+0&g0.tab=1"
    assert fields(down) == {
        "instance": "https://server1.example.org",
        "job": "http_checks",
        "monitor": "master",
        "Links": fields(down)["Links"],
    }
    assert down.metadata["fingerprint"] == "1a30ba71cca29211"


def test_a_silence_of_alertmanagers_is_one_click_away_while_it_fires(body: Body) -> None:
    over, down, _ = read("alertmanager", body("alertmanager"))
    link = fields(down)["Links"]
    assert link.startswith("[Silence](http://alertmanager.example.org:9093/#/silences/new?filter=%7B")
    assert 'alertname="ProbeFailure",instance="https://server1.example.org"' in unquote(link)
    assert "Links" not in fields(over)


def test_grafanas_links_values_and_picture_are_there(body: Body) -> None:
    memory, cpu, _ = read("grafana", body("grafana"))
    assert (memory.dedup_key, memory.title) == ("grafana/c6eadffa33fcdf37", "High memory usage")
    assert memory.message == "This alert was triggered for zone us-1\nThe system has high memory usage"
    assert fields(memory)["Values"] == "B = 44.23943737541908, C = 1"
    assert fields(memory)["Links"].startswith("[Runbook](https://myrunbook.com/runbook/1234) · [Silence](https://play.")
    for part in (
        "[Dashboard](http://localhost/d/abcd?orgId=1)",
        "[Panel](http://localhost/d/abcd?orgId=1&viewPanel=efgh)",
    ):
        assert part in fields(cpu)["Links"]
        assert part not in fields(memory)["Links"]
    assert (cpu.image, memory.image) == ("https://play.grafana.org/shot.png", None)
    assert memory.url == "https://play.grafana.org/alerting/1afz29v7z/edit"


@pytest.mark.parametrize(
    ("severity", "usual"),
    [("critical", "critical"), ("Page", "critical"), ("warning", "monitoring"), ("", "monitoring"), (7, "monitoring")],
)
def test_a_severity_label_decides_the_type_if_the_address_names_none(severity: Any, usual: str) -> None:
    found, _ = taken("alertmanager", {"alerts": [{"labels": {"severity": severity}}]})
    assert found.usual_type == usual


def test_alerts_without_a_fingerprint_are_told_apart_by_their_labels() -> None:
    first, other, again = (
        read("alertmanager", {"alerts": [{"labels": labels}]})[0].dedup_key
        for labels in ({"a": "1", "b": "2"}, {"a": "2"}, {"b": "2", "a": "1"})
    )
    assert first == again != other


def test_of_a_group_without_an_end_so_many_are_told_and_how_many_are_left() -> None:
    alerts = [{"status": "firing", "labels": {"alertname": "Down", "instance": str(number)}} for number in range(9_000)]
    alerts += [{"status": "resolved", "labels": {"instance": str(number)}} for number in range(1_000)]
    group = {"alerts": alerts, "truncatedAlerts": 5, "groupKey": "{}:{title}", "groupLabels": {"alertname": "Down"}}
    found = read("alertmanager", group)
    assert sum(each.resolved for each in found) == RESOLVED_MAX == 1_000, "each ends a message"
    assert len(found) == RESOLVED_MAX + FIRING_MAX + 1
    assert found[-1].dedup_seconds is None
    assert (found[-1].title, found[-1].update) == (f"Down: {9_000 - FIRING_MAX + 5} more", True)
    assert found[-1].dedup_key == "alertmanager/group/():(title)", "no key of theirs is a template of ours"


@pytest.mark.parametrize("group", [{}, {"alerts": []}, {"alerts": {}}, {"alerts": ["a"]}, {"title": "T"}])
def test_what_is_no_group_is_refused(group: Any) -> None:
    with pytest.raises(InvalidMessage, match=r"^alerts:"):
        taken("alertmanager", group)


def test_a_link_that_would_end_the_markdown_around_it_does_not() -> None:
    alert = {"labels": {}, "dashboardURL": "https://g.example/d?a=(b)>c", "panelURL": "javascript:alert(1)"}
    found, _ = read("grafana", {"alerts": [alert]})
    assert fields(found)["Links"] == "[Dashboard](https://g.example/d?a=%28b%29%3Ec)"
