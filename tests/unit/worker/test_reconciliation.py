"""After Redis was restarted: what was done is done again until Redis has all of it, and what it asks for is sent."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from notifier.errors import BrokerUnavailable
from notifier.worker import reconciliation as reconciliation_module
from notifier.worker.reconciliation import Reconciliation


@dataclass
class Redis:
    """Stands in for the outbox and the publisher. ``resumed``: whether each attempt to lease again has come first."""

    resumed: list[bool | BrokerUnavailable]
    steps: list[Any] = field(default_factory=list)

    def commit_again(self, until: float) -> list[str]:
        """The wake-ups that the commits ask for."""
        self.steps.append(("commit", until))
        return ["a wake-up"]

    def resume(self) -> bool:
        """Lease what is under way again."""
        found = self.resumed.pop(0)
        if isinstance(found, BrokerUnavailable):
            raise found
        return found

    def wake_up(self, wake_up: str) -> None:
        """Send it."""
        self.steps.append(wake_up)

    @property
    def recent(self) -> "Redis":
        """The steps of this process."""
        return self


@pytest.mark.parametrize(
    ("resumed", "rounds"), [([True], 1), ([False, False, True], 3), ([BrokerUnavailable("loading"), True], 2)]
)
def test_it_is_repeated_until_nothing_of_others_comes_first(
    resumed: list[bool | BrokerUnavailable], rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation_module, "AGAIN_SECONDS", 0)
    redis: Any = Redis(resumed)
    Reconciliation(redis, redis)(7.5)
    assert redis.steps == [("commit", 7.5), "a wake-up"] * rounds
    assert resumed == []


def test_it_is_given_up_when_the_claims_of_the_fleet_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciliation_module, "WITNESS_SECONDS", 0)
    redis: Any = Redis([False, False])
    Reconciliation(redis, redis)(0)
    assert len(redis.resumed) == 1
