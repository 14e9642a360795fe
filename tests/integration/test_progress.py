"""What is settled of a notification survives its workers: it goes on from there, and repeats nothing."""

from notifier.models import AlertType
from notifier.outbox.claim import Batch
from notifier.outbox.disposition import Action, Disposition
from notifier.outbox.progress import NO_PROGRESS, Progress
from notifier.outcome import Answer, Delivered, Status
from tests.integration.conftest import ROOMY, WEBHOOK, Bench, MakeBench
from tests.names import names

GENERAL = AlertType.GENERAL
SECOND_PART = Progress(part=1, message_ids=("900",), channel_id="5", left_out=("image",))


def bench_of(make_bench: MakeBench) -> Bench:
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, history_days=1)
    bench.admit("first")
    bench.commit(bench.batch())
    bench.tick(1)
    return bench


def go_on(bench: Bench, batch: Batch, progress: Progress) -> None:
    answer = Answer(Delivered("900", "5"), ROOMY, 200)
    dispositions = [Disposition(each, Action.CONTINUE, each.attempts + 1, progress=progress) for each in batch.items]
    bench.outbox.commit(batch, dispositions, answer, 1)


def test_what_continues_keeps_its_place_and_brings_its_progress(make_bench: MakeBench) -> None:
    bench = bench_of(make_bench)
    bench.admit("a", "b")
    go_on(bench, bench.batch(), SECOND_PART)
    bench.admit("c")
    bench.tick(1)
    again = bench.batch()
    assert [(each.message.id, each.progress, each.attempts) for each in again.items] == [
        ("a", SECOND_PART, 0),  # what follows has all attempts
        ("b", SECOND_PART, 0),
        ("c", NO_PROGRESS, 0),
    ]


def test_the_record_names_what_was_left_out_and_every_message(make_bench: MakeBench) -> None:
    bench = bench_of(make_bench)
    bench.admit("a")
    go_on(bench, bench.batch(), SECOND_PART)
    bench.tick(1)
    batch = bench.batch()
    done = [Disposition(each, Action.COMPLETE, 1, Status.DELIVERED) for each in batch.items]
    (ended,) = bench.outbox.commit(batch, done, Answer(Delivered("901", "5"), ROOMY, 200), 1).records
    assert (ended["message_ids"], ended["left_out"]) == (["900", "901"], ["image"])


def test_a_part_that_a_worker_posted_after_it_had_lost_its_lease_is_posted_no_more(make_bench: MakeBench) -> None:
    bench = bench_of(make_bench)
    bench.admit("a")
    late = bench.batch()
    bench.redis.hset(names.outbox(GENERAL, "state"), "batch", "another worker's")
    go_on(bench, late, SECOND_PART)
    go_on(bench, late, SECOND_PART._replace(part=0, left_out=()))
    stored = bench.redis.hget(names.notification("a"), "progress") or ""
    assert stored == SECOND_PART.as_json(), "and an older one outweighs no newer one"
    assert bench.redis.zrange(names.outbox(GENERAL, "in_flight"), 0, -1) == ["a"], "it is the other's"


def test_nothing_settled_is_not_stored() -> None:
    assert NO_PROGRESS.as_json() == ""


def test_what_one_of_a_request_goes_without_all_of_it_do_and_every_record_says_so(make_bench: MakeBench) -> None:
    bench = bench_of(make_bench)
    avatar = "https://example.com/a.png"
    bench.admit("a", avatar_url=avatar)
    go_on(bench, bench.batch(), Progress(left_out=("avatar_url",)))
    bench.admit("b", avatar_url=avatar)
    bench.tick(1)
    records = bench.commit(bench.batch()).records
    assert [(each["id"], each.get("left_out")) for each in records] == [("a", ["avatar_url"]), ("b", ["avatar_url"])]
