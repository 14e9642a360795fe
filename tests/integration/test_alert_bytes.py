"""An alert takes little of Redis, while it waits and afterwards."""

from collections.abc import Iterator

import pytest

from notifier.models import AlertType
from tests.benchmarks.alert_bytes import ALERTS, OURS, SETTING, AlertBytes, alert, measure
from tests.integration.conftest import Bench, MakeBench
from tests.names import names


@pytest.fixture
def roomy(make_bench: MakeBench) -> Bench:
    """A bench whose outbox takes all of them, and which has delivered an alert."""
    bench = make_bench(queue_size=ALERTS, rate_limit=1_000)
    bench.outbox.admit(alert(ALERTS))
    bench.commit(bench.batch())
    return bench


@pytest.fixture
def as_our_stacks_set_it(roomy: Bench) -> Iterator[None]:
    """Redis keeps hashes short that hold a text of this length."""
    before = roomy.redis.config_get(SETTING)[SETTING]
    roomy.redis.config_set(SETTING, OURS)
    yield
    roomy.redis.config_set(SETTING, before)


def measured(bench: Bench) -> AlertBytes:
    """What an alert takes there."""

    def deliver() -> None:
        while bench.outbox.depth(AlertType.GENERAL):
            bench.tick(30)
            bench.commit(bench.batch())

    return measure(bench.redis, bench.outbox.admit, deliver)


def test_one_that_waits_takes_at_most_900_bytes_beside_its_text_and_a_delivered_one_760_beside_its_result(
    roomy: Bench,
) -> None:
    took = measured(roomy)
    print(took)
    assert took.waiting <= took.json + 900
    assert took.finished <= took.result + 760
    (last,) = roomy.redis.zrange(names.history(AlertType.GENERAL), -1, -1)
    assert roomy.redis.object("encoding", names.notification(last)) in ("listpack", "ziplist")


@pytest.mark.usefixtures("as_our_stacks_set_it")
def test_where_redis_keeps_such_hashes_short_one_that_waits_takes_at_most_450_beside_its_text(roomy: Bench) -> None:
    took = measured(roomy)
    print(took)
    assert took.waiting <= took.json + 450
    assert took.finished <= took.result + 760
