"""Who takes the wrong door to the tasks is told the right one."""

import copy

import pytest

from notifier.errors import InvalidMessage
from notifier.models import AlertType
from notifier.routing import ROUTES
from tasks import send_notification


@pytest.mark.parametrize("name", ["apply_async", "s", "si", "signature", "map", "name"])
def test_what_the_task_of_one_type_has_is_pointed_to(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"send_notification\['error'\]\.{name}\b"):
        getattr(send_notification, name)


def test_what_no_task_has_is_an_ordinary_missing_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'raise_alert'"):
        getattr(send_notification, "raise_" + "alert")
    assert not hasattr(send_notification, "apply_async")
    assert copy.copy(send_notification)[AlertType.ERROR] is send_notification["error"]


@pytest.mark.parametrize("wrong", ["errors", "", None, 7])
def test_an_unknown_type_is_told_the_known_ones(wrong: object) -> None:
    with pytest.raises(InvalidMessage, match="general, error, critical, tracklist, monitoring, security"):
        send_notification[wrong]  # type: ignore[index]


@pytest.mark.parametrize("wrong", ["celery", "notifications.errors"])
def test_an_unknown_queue_is_told_the_known_ones(wrong: str) -> None:
    with pytest.raises(InvalidMessage, match=f"^queue: no worker of ours reads '{wrong}'") as raised:
        send_notification["error"].apply_async(("title",), queue=wrong)
    assert all(route.queue in str(raised.value) for route in ROUTES.values())
