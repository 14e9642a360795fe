"""The fallback's outbox takes the alerts of a webhook that is out of use, and keeps its bound."""

from notifier.models import AlertType
from notifier.outbox.disposition import decide, failed_over
from notifier.outcome import Answer, Reason, Rejected
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench

GONE = Rejected(Reason.WEBHOOK_UNKNOWN)
WEBHOOKS = {AlertType.SECURITY: OTHER_WEBHOOK, AlertType.GENERAL: WEBHOOK}


def reroute(bench: Bench) -> None:
    """The security webhook answers 404."""
    batch = bench.batch(OTHER_WEBHOOK, AlertType.SECURITY)
    dispositions = failed_over(decide(GONE, batch.items, 3, sent=batch.blocked is None))
    bench.outbox.commit(batch, dispositions, Answer(GONE, None, 404), 2)


def test_it_is_bounded_and_what_finds_no_room_waits_for_it(make_bench: MakeBench) -> None:
    bench = make_bench(fallback=AlertType.GENERAL, webhooks=WEBHOOKS, queue_size=3)
    bench.admit("g1", "g2")
    bench.admit("s1", "s2", alert_type=AlertType.SECURITY)
    reroute(bench)
    assert [bench.outbox.depth(kind) for kind in (AlertType.GENERAL, AlertType.SECURITY)] == [3, 1]
    first = bench.batch()
    assert [message.id for message in first.messages] == ["g1", "g2", "s1"]
    bench.commit(first)
    bench.tick(3)
    reroute(bench)
    second = bench.batch()
    assert [message.id for message in second.messages] == ["s2"]
    assert [each["alert_type"] for each in bench.commit(second).records] == ["security"]
    assert bench.outbox.depth(AlertType.SECURITY) == 0
