"""How many alerts an outbox holds: in a flood that is folded, what is urgent folds last."""

import pytest

from notifier.models import AlertType, Severity
from notifier.outbox.capacity import capacity
from notifier.settings import Settings

URGENT = {AlertType.CRITICAL, AlertType.SECURITY}


@pytest.mark.parametrize("kind", list(AlertType))
@pytest.mark.parametrize("overflow", ["digest", "reject"])
def test_only_urgent_types_have_twice_the_room_and_only_if_floods_are_folded(kind: AlertType, overflow: str) -> None:
    settings = Settings.load().model_copy(update={"queue_size": 30, "queue_overflow": overflow})
    assert capacity(settings, kind) == (60 if kind in URGENT and overflow == "digest" else 30)
    assert capacity(settings, kind, Severity.ERROR) == capacity(settings, kind)
    assert capacity(settings, kind, Severity.CRITICAL) == (60 if overflow == "digest" else 30)
