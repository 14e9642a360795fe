"""What a dead worker held of a gate is free again as soon as its death is certain, and not only when its lease ends."""

from dataclasses import dataclass

import pytest

from notifier.gate.gate import lease_seconds
from notifier.models import AlertType
from notifier.outbox.claim import Batch, Claim, ClaimRequest, FetchWebhook, Throttled
from notifier.outbox.steps import WITNESS_SECONDS
from notifier.outcome import Deferred, Failed, Reason, Scope
from notifier.webhook import Webhook
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, WORKER, Bench, MakeBench
from tests.names import names

HEARTBEAT_SECONDS = 600
"""By Redis' own clock, which the test's does not move."""
LOOKS = 3
"""At half the witness' time: the death is noticed at the first, and certain at the third."""


@dataclass
class Fleet:
    """Two workers: the first asks for general alerts, the second for errors."""

    bench: Bench

    def first(self) -> Claim:
        """The first worker's claim."""
        return self._claim(AlertType.GENERAL, WEBHOOK, WORKER)

    def second(self, webhook: Webhook = WEBHOOK) -> Claim:
        """The second worker's claim."""
        self.bench.redis.set(names.worker("second"), 1, ex=HEARTBEAT_SECONDS)
        return self._claim(AlertType.ERROR, webhook, "second")

    def _claim(self, kind: AlertType, webhook: Webhook, worker: str) -> Claim:
        return self.bench.outbox.claim(ClaimRequest(kind), webhook, worker)

    def dies(self) -> None:
        """The first worker's heartbeat is gone."""
        self.bench.redis.delete(names.worker(WORKER))

    def beats(self) -> None:
        """It is there again."""
        self.bench.redis.set(names.worker(WORKER), 1, ex=HEARTBEAT_SECONDS)

    def looks(self, webhook: Webhook = WEBHOOK) -> list[Claim]:
        """What the second worker meets while the first one's death becomes certain."""
        found = []
        for _ in range(LOOKS):
            found.append(self.second(webhook))
            self.bench.tick(WITNESS_SECONDS / 2)
        return found


@pytest.fixture
def fleet(make_bench: MakeBench) -> Fleet:
    """Both have alerts to carry; no webhook was fetched yet."""
    bench = make_bench(queue_size=100)
    for kind in (AlertType.GENERAL, AlertType.ERROR):
        bench.admit(*(f"{kind}{number}" for number in range(8)), alert_type=kind, message="x" * 5_000)
    return Fleet(bench)


def probing(fleet: Fleet, scope: str) -> None:
    """The first worker has fetched the webhooks, met an outage (or a ban), and carries the probe."""
    bench = fleet.bench
    for webhook in (WEBHOOK, OTHER_WEBHOOK):
        asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), webhook, WORKER)
        assert isinstance(asked, FetchWebhook)
        bench.fetch_webhook(webhook, asked)
    bench.tick(1)
    ban = Deferred(0, Reason.EDGE_BANNED, Scope.EDGE)
    for _ in range(1 if scope == "edge" else bench.settings.breaker_failures):
        bench.commit(bench.batch(), ban if scope == "edge" else Failed(Reason.BAD_GATEWAY))
        bench.tick(1)
    bench.tick(61)
    assert isinstance(fleet.first(), Batch)


def reasons(claims: list[Claim]) -> list[str]:
    return [claim.reason if isinstance(claim, Throttled) else type(claim).__name__ for claim in claims]


def test_a_fetch_whose_worker_died_is_made_by_another_within_seconds(fleet: Fleet) -> None:
    assert isinstance(fleet.first(), FetchWebhook)
    fleet.dies()
    assert reasons(fleet.looks()) == [Reason.FETCHING_WEBHOOK, Reason.FETCHING_WEBHOOK, "FetchWebhook"]


@pytest.mark.parametrize(("scope", "webhook"), [("webhook", WEBHOOK), ("edge", OTHER_WEBHOOK)])
def test_a_probe_whose_worker_died_makes_way_for_another_within_seconds(
    fleet: Fleet, scope: str, webhook: Webhook
) -> None:
    probing(fleet, scope)
    fleet.dies()
    assert reasons(fleet.looks(webhook)) == [Reason.PROBE_IN_FLIGHT, Reason.PROBE_IN_FLIGHT, "Batch"]


def test_what_a_living_worker_holds_stays_held_to_the_end_of_its_lease(fleet: Fleet) -> None:
    assert isinstance(fleet.first(), FetchWebhook)
    assert reasons([fleet.second()]) == [Reason.FETCHING_WEBHOOK]
    fleet.bench.tick(lease_seconds(fleet.bench.settings) - 1)
    assert reasons([fleet.second()]) == [Reason.FETCHING_WEBHOOK]
    fleet.bench.tick(1)
    assert isinstance(fleet.second(), FetchWebhook)


def test_a_look_up_that_has_ended_gives_back_no_other_workers(fleet: Fleet) -> None:
    asked = fleet.first()
    assert isinstance(asked, FetchWebhook)
    fleet.dies()
    assert isinstance(fleet.looks()[-1], FetchWebhook)
    fleet.beats()
    fleet.bench.outbox.fetched(asked)
    assert reasons([fleet.first(), fleet.second()]) == [Reason.FETCHING_WEBHOOK] * 2


def test_a_heartbeat_that_comes_back_was_missed_and_not_dead(fleet: Fleet) -> None:
    probing(fleet, "webhook")
    for _ in range(3):
        fleet.dies()
        assert reasons([fleet.second()]) == [Reason.PROBE_IN_FLIGHT]
        fleet.bench.tick(WITNESS_SECONDS * 0.9)
        fleet.beats()
        assert reasons([fleet.second()]) == [Reason.PROBE_IN_FLIGHT]


def test_a_lease_that_version_0_2_took_lasts_to_its_end(fleet: Fleet) -> None:
    assert isinstance(fleet.first(), FetchWebhook)
    fleet.dies()
    state = names.gate(WEBHOOK.id)
    until = int(float(fleet.bench.redis.hget(state, "introducing_until") or 0))
    fleet.bench.redis.hset(state, "introducing_until", until + 1)  # it writes no other field
    assert set(reasons(fleet.looks())) == {Reason.FETCHING_WEBHOOK}
