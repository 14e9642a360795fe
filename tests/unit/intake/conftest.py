"""What tests of the intake share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from notifier.intake.given_body import Taken
from notifier.intake.shapes import SHAPES
from notifier.models import NotificationMessage

BODIES = Path(__file__).parents[2] / "data" / "intake"


@pytest.fixture
def body() -> Callable[[str], Any]:
    """A body from another program's own documentation or tests; its file says from where."""
    return lambda name: json.loads((BODIES / f"{name}.json").read_text(encoding="utf-8"))["body"]


def taken(shape: str, body: Any) -> list[Taken]:
    """What a shape reads of a body."""
    return SHAPES[shape](body)


def read(shape: str, body: Any) -> list[NotificationMessage]:
    """The alerts of a body."""
    return [NotificationMessage(**each.fields) for each in taken(shape, body)]


def fields(alert: NotificationMessage) -> dict[str, str]:
    """Its fields."""
    return {each.name: each.value for each in alert.fields}
