"""What others build on is listed in ``tests/public_api.txt``: a change of it is a decision."""

from difflib import unified_diff

import pytest

from scripts.public_api import LIST, lines

WHAT_TO_DO = """

The public interface has changed. What is new: run `uv run python -m scripts.public_api`, and commit the
list with a line in CHANGELOG.md. What is gone or takes less than before breaks programs of others: keep it, or say
under "Upgrading" in CHANGELOG.md what they have to do.
"""


def test_it_is_the_one_that_is_listed() -> None:
    listed = LIST.read_text(encoding="utf-8").splitlines()
    changes = "\n".join(unified_diff(listed, lines(), "tests/public_api.txt", "the code", n=0, lineterm=""))
    assert changes == "", changes + WHAT_TO_DO


@pytest.mark.parametrize(
    "line",
    [
        "notifier.AlertType: general error critical tracklist monitoring security",
        "notifier.send_notification.resolve(self, dedup_key, /, **fields)",
        "notifier.NotDelivered(text, record) is a NotifierError",
        "notifier.testing.Alerts.assert_sent(self, *, type=None, count=None, **expected)",
        "task send_notification.error in queue notifications.error",
        "notifier dead drop --all --json --reason --since --type --until -y IDS",
        "DISCORD_WEBHOOK_ERRORS_FILE",
    ],
)
def test_each_kind_of_name_is_in_it(line: str) -> None:
    assert line in lines()
