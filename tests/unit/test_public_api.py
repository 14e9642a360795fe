"""The list of what others build on has each kind of it (that it is up to date: tests/e2e/test_docs.py)."""

import pickle

import pytest

import notifier.models
from scripts.public_api import lines


@pytest.mark.parametrize(
    "line",
    [
        "notifier.AlertType: general error critical tracklist monitoring security",
        "notifier.send_notification.resolve(self, dedup_key, /, **fields)",
        "notifier.NotDelivered(text, record) is a NotifierError",
        "notifier.testing.Alerts.assert_sent(self, *, type=None, count=None, **expected)",
        "task send_notification.error in queue notifications.error",
        "notifier gate list --json",
        "DISCORD_WEBHOOK_ERRORS_FILE",
    ],
)
def test_each_kind_of_name_is_in_it(line: str) -> None:
    assert line in lines()


def test_a_result_that_an_earlier_version_has_pickled_can_be_read() -> None:
    named = b"cnotifier.models\nNotificationResult\n."
    assert pickle.loads(named) is notifier.NotificationResult  # noqa: S301 - our own
    assert not hasattr(notifier.models, "Nothing")
