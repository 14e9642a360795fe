"""Bugs that the simulation must find: each breaks one line of the pipeline."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest import mock

from notifier.discord import outcomes, words
from notifier.outbox import disposition
from notifier.outbox.batch_item import BatchItem
from notifier.outbox.recent_steps import RecentSteps
from notifier.outbox.terms import NO_TERMS
from notifier.outcome import Delivered, Failed, Outcome, Reason, Unknown
from notifier.producer.spool import Spool, Spooled
from notifier.worker import delivery
from tests.simulation import redis_state

Plant = Callable[[], AbstractContextManager[object]]


def lua(right: str, wrong: str) -> Plant:
    """The scripts say ``wrong`` where they say ``right``."""

    @contextmanager
    def plant() -> Iterator[None]:
        redis_state.planted.append((right, wrong))
        try:
            yield
        finally:
            redis_state.planted.clear()

    return plant


def python(owner: Any, name: str, wrong: Any) -> Plant:
    """An attribute is another one."""
    return lambda: mock.patch.object(owner, name, wrong)


def _decide_as_failed(outcome: Outcome, *given: Any, **named: Any) -> Any:
    return disposition.decide(Failed(outcome.reason) if isinstance(outcome, Unknown) else outcome, *given, **named)


def _decide_by_the_first(outcome: Outcome, items: Sequence[BatchItem], *given: Any, **named: Any) -> Any:
    if not (isinstance(outcome, Failed) and items[0].collected_for):
        return disposition.decide(outcome, items, *given, **named)
    sent = disposition.decide(Delivered("900", None), items[1:], *given, **named)
    return [*disposition.decide(outcome, items[:1], *given, **named), *sent]


def _answer_as_if_known(batch: Any, **_: Any) -> Any:
    return ANSWER(batch, alive=True)


def _refusal_by_status(status: int, body: words.Body) -> Reason | None:
    return Reason.WEBHOOK_TOKEN_INVALID if status == 401 else REFUSAL(status, body)


def _delete_and_hand_over(spool: Spool, hand_over: Callable[[Spooled], None]) -> Collection[str]:
    def act(spooled: Spooled) -> None:
        spool._write("delete from alerts where position = ?", spooled.position)
        hand_over(spooled)

    return FLUSH(spool, act)


FLUSH = Spool.flush
ANSWER = delivery._answer_without_request
REFUSAL = words.refusal_of

BUGS: dict[str, Plant] = {
    "a failure is not tried again": lua("redis.call('ZADD', DELAYED, now + args.retry_wait, item.id)", ""),
    "what was deferred leaves the outbox": lua("redis.call('ZADD', WAITING, leave_batch(key, item), item.id)", ""),
    "an answer that was lost is forgotten": lua(
        "if item.status == 'unknown' then\n    redis.call('HSET', key, 'unknown', item.reason)", "if false then"
    ),
    "a lost answer counts as a failure": python(delivery, "decide", _decide_as_failed),
    "a batch under way is claimed again": lua(
        "if alive and left > 0 then return { 'throttled'", "if false then return {"
    ),
    "a batch of the living is taken for abandoned": lua(
        "return math.min(held.left, math.max(0, missed_at + workers.witness - now)), false", "return 0, false"
    ),
    "a batch of the dead is taken by nobody": lua(
        "return lease('abandoned', '', ids)", "return throttled(left, 'in_flight')"
    ),
    "no sweep sends a wake-up": lua("return wait and arm(WAKE_UP, now, wait, TOKEN) or -1", "return -1"),
    "a commit sends no wake-up": lua(
        "return arm(WAKE_UP, now, math.min(wait, expiry_wait(STATE, now) or wait), args.wake_up)", "return -1"
    ),
    "a wake-up is sent although one is under way": lua(
        "if under_way and tonumber(string.match(under_way, ' (.*)')) <= due + EARLIER then return -1 end", ""
    ),
    "one that is under way is withdrawn": lua("or not take_out() then", "or not (take_out() or true) then"),
    "what is withdrawn stays in the outbox": lua(
        "for place = 6, #KEYS do removed = removed + redis.call('ZREM', KEYS[place], ID) end", "removed = 1"
    ),
    "a wake-up forgets the one under way": lua(
        "  if args.wake_up == '' then return end\n"
        "  local under_way = string.match(redis.call('GET', WAKE_UP) or '', '(.*) (.*)')\n"
        "  if under_way == args.wake_up then redis.call('DEL', WAKE_UP) end\n",
        "  redis.call('DEL', WAKE_UP)\n",
    ),
    "the bucket lets one more through": lua(
        "if budget.remaining > 0 then return 0 end", "if budget.remaining >= 0 then return 0 end"
    ),
    "the headers teach nothing": lua(
        "local alone = budget.in_flight == 0", "if true then return end local alone = false"
    ),
    "the window of a minute is never full": lua(
        "if counted < rule.limit then return 0 end", "if true then return 0 end"
    ),
    "a 429 of a webhook is not obeyed": lua("bucket_pause(budget, now, now + wait)", ""),
    "a global 429 is not obeyed": lua(
        "redis.call('HSET', gate.edge, 'pause_until', ends, 'pause_reason', pause.reason)", ""
    ),
    "a ban is not obeyed": lua(
        "if breaker_report(gate.edge, now, token, feedback.edge_health, args.edge_breaker) then", "if false then"
    ),
    "the breaker lets two probes go": lua("if left > 0 then return math.min(left, SOON), 'probe_in_flight' end", ""),
    "an id is admitted twice": lua(
        "if has_more and is_admitted(NOTIFICATION, OWN.dead_letters, ID) then return 'known' end", ""
    ),
    "whoever commits has the lease": lua("local holds_lease = batch == args.token", "local holds_lease = true"),
    "a claim after a restart does not wait": lua(
        "return since <= now and math.max(0, since + patience - now) or 0", "return 0"
    ),
    "a worker does not commit again what is forgotten": python(RecentSteps, "commits", lambda *_: []),
    "a worker does not resume what it has under way": python(RecentSteps, "resume", lambda _: True),
    "a worker that was paused posts what another has": python(delivery, "_answer_without_request", _answer_as_if_known),
    "an alert never expires": lua("if at <= now and not seen[id] then", "if false then"),
    "an alert goes before it is due": lua(
        "redis.call('ZADD', OWN.delayed, now + after, ID)", "redis.call('ZADD', OWN.waiting, sequence, ID)"
    ),
    "a dead letter is not kept": lua("keep_dead_letter(args, TROUBLES, item, now)", ""),
    "a repeat is not counted": lua("redis.call('HINCRBY', incident, 'count', args.count)", ""),
    "a repeat that meets a waiting one is lost": lua(
        "return waits and 'count' or 'edit', waiting", "return 'count', waiting"
    ),
    "the newest goes first": lua(
        "redis.call('ZADD', OWN.waiting, sequence, ID)", "redis.call('ZADD', OWN.waiting, -sequence, ID)"
    ),
    "a lease outlives its batch": lua("if holds_lease then end_lease(STATE) end", ""),
    "what comes after an alert of 0.2 goes before it": lua(
        "local sequence = redis.call('INCR', counter)", "local sequence = redis.call('INCR', counter) - 1000"
    ),
    "a key has no life": lua("redis.call('PEXPIRE', NOTIFICATION, OWN.life)", ""),
    "what waits at a webhook that is gone stays there": lua(
        "if standing == 'nobody' and unusable == 'webhook_quarantined' and #args.others > 0 then return { 'gone' } end",
        "",
    ),
    "those of a source are spread": lua("{ 'dedup_key', 'source' }", "{ 'dedup_key' }"),
    "an alert is claimed where it is not": lua("if (tonumber(partition) or 0) ~= args.partition then", "if false then"),
    "a webhook that is gone is asked again": lua("if each[1] == fingerprint then return each[2] end", ""),
    "nobody is told that a webhook is gone": lua("table.insert(causes, 'webhook_gone')", ""),
    "a token that Discord does not take is tried again": python(words, "BY_CODE", {10015: Reason.WEBHOOK_UNKNOWN}),
    "a login page ends a webhook": python(outcomes, "refusal_of", _refusal_by_status),
    "an alert ends for its picture": python(BatchItem, "ornaments", frozenset()),
    "what is folded is counted again": lua("redis.call('DEL', DIGEST)", ""),
    "a title that is folded is not counted": lua("redis.call('HINCRBY', DIGEST, field, 1)", ""),
    "of a group that failed the first alone is tried again": python(delivery, "decide", _decide_by_the_first),
    "those of a group go in any order": lua("return a.place < b.place", "return a.id < b.id"),
    "the first claim of all may be forgotten": lua("redis.call('HSETNX', RUN, 'claimed', 1)", ""),
    "a look-up that is told twice is counted twice": lua(
        "if redis.call('HGET', gate.state, 'fetched_by') == info.token then return end", ""
    ),
    "a commit that comes late is counted again": lua(
        "local counts = holds_lease and requested and args.counted or {}",
        "local counts = requested and args.counted or {}",
    ),
    "the spool deletes before it hands over": python(Spool, "flush", _delete_and_hand_over),
    "a spooled alert loses its terms": python(Spooled, "terms", NO_TERMS),
}
"""By what is wrong."""
