"""The result of an alert changes its incident, and says so if it has none."""

import pytest

from notifier import send_notification
from notifier.errors import InvalidMessage
from notifier.raised import Raised
from notifier.testing import Alerts


def raised(result: object) -> Raised:
    assert isinstance(result, Raised)
    return result


def test_a_result_updates_and_resolves_the_incident_of_its_alert(alerts: Alerts) -> None:
    key = "{source}/import"
    raised(send_notification.delay(alert_type="error", title="Import", source="db", dedup_key=key)).update(progress=0.4)
    raised(send_notification["error"].apply_async(kwargs={"title": "x", "dedup_key": "k"})).resolve(message="done")
    send_notification.update("k", progress=1)
    send_notification.resolve("k", alert_type="security", title="Over")
    found = [(each.alert_type, each.dedup_key, each.title, each.update, each.resolved) for each in alerts.sent]
    assert found[1:] == [
        ("error", "db/import", "db/import", True, False),
        ("error", "k", "x", False, False),
        ("error", "k", "k", False, True),
        ("general", "k", "k", True, False),
        ("security", "k", "Over", False, True),
    ]
    assert alerts.sent[3].message == "done"


def test_it_says_who_takes_care_of_it(alerts: Alerts) -> None:
    raised(send_notification.delay(title="x", dedup_key="k")).ack(by="ops", why="new disk")
    send_notification.ack("k", by="bob", alert_type="error")
    found = [(each.alert_type, each.update, each.acknowledged_by, each.acknowledged_why) for each in alerts.sent[1:]]
    assert found == [("general", True, "ops", "new disk"), ("error", True, "bob", None)]


@pytest.mark.parametrize(("what", "given"), [("update", {}), ("resolve", {}), ("ack", {"by": "ops"})])
def test_one_without_a_key_says_what_to_call(alerts: Alerts, what: str, given: dict[str, str]) -> None:
    alert = send_notification.delay(title="x")
    with pytest.raises(InvalidMessage, match=f"dedup_key: .*send_notification.{what}"):
        getattr(alert, what)(**given)


@pytest.mark.parametrize("key", ["", " ", None])
@pytest.mark.parametrize(("what", "given"), [("update", {}), ("resolve", {}), ("ack", {"by": "ops"})])
def test_a_change_without_an_incident_raises_no_alert(
    alerts: Alerts, what: str, given: dict[str, str], key: str | None
) -> None:
    with pytest.raises(InvalidMessage, match=r"^dedup_key: it is empty"):
        getattr(send_notification, what)(key, **given)
    alerts.assert_none_sent()


@pytest.mark.parametrize("by", ["", " \n"])
def test_nobody_takes_care_of_nothing(alerts: Alerts, by: str) -> None:
    alert = raised(send_notification.delay(title="x", dedup_key="k"))
    alerts.clear()
    with pytest.raises(InvalidMessage, match=r"^by: "):
        send_notification.ack("k", by=by)
    with pytest.raises(InvalidMessage, match=r"^by: "):
        alert.ack(by=by)
    alerts.assert_none_sent()
