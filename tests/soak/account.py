"""What became of every alert that a caller was told is safe, and what is wrong with the run."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import redis

from notifier.outbox.record import Record
from notifier.outcome import UNDELIVERED, Status
from notifier.storage.keys import Keys
from tests.soak.channel import Channel
from tests.soak.ledger import Entry


@dataclass(slots=True)
class Account:
    """Figures, and ``wrong``: what must not be, each with examples."""

    raised: int = 0
    accepted: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    doubled: int = 0
    unasked: int = 0
    requests: dict[str, int] = field(default_factory=dict)
    longest_call: float = 0.0
    wrong: dict[str, list[str]] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Accepted alerts that have no end, or an end that is not true."""
        return sum(len(ids) for name, ids in self.wrong.items() if name.startswith("lost"))


def account(entries: dict[str, Entry], records: dict[str, Record], channel: Channel) -> Account:
    """Compare what was accepted with the records and with the channels."""
    accepted = [entry for entry in entries.values() if entry.accepted]
    wrong: dict[str, list[str]] = defaultdict(list)
    for entry in accepted:
        _judge(entry, records, channel, wrong)
    doubled, unmarked = channel.doubled()
    wrong["twice, and neither says so"] += [f"{title} ({times} ×)" for title, times in unmarked.items()]
    wrong["429 by our own fault"] += [f"{each['at']} {each['path']}" for each in channel.unasked]
    return Account(
        raised=len(entries),
        accepted=len(accepted),
        ended=dict(Counter(_end(records[entry.id]) for entry in accepted if entry.id in records)),
        kinds=dict(Counter(entry.kind for entry in accepted)),
        refused=dict(Counter(entry.error for entry in entries.values() if entry.error)),
        doubled=len(doubled),
        unasked=len(channel.unasked),
        requests=dict(channel.statuses()),
        longest_call=max((entry.seconds for entry in entries.values()), default=0.0),
        wrong={name: found for name, found in wrong.items() if found},
    )


def _judge(entry: Entry, records: dict[str, Record], channel: Channel, wrong: dict[str, list[str]]) -> None:
    record = records.get(entry.id)
    if record is None:
        wrong["lost: no record"].append(entry.id)
        return
    if record["status"] in (Status.DELIVERED, Status.REPEATED) and not _arrived(entry, record, channel):
        wrong["lost: said to be delivered, and no message shows it"].append(f"{entry.id} in {record['message_id']}")
    if record["status"] in UNDELIVERED and not record["reason"]:
        wrong["lost: dead without a reason"].append(entry.id)
    if entry.callback and record["status"] == Status.DELIVERED and entry.callback not in records:
        wrong["lost: a callback that was not called"].append(entry.callback)


def _arrived(entry: Entry, record: Record, channel: Channel) -> bool:
    if entry.kind != "incident":
        return channel.shows(record["message_id"], entry.id)
    # one that is counted before its incident has a message does not know that message
    if record["status"] == Status.REPEATED and record["message_id"] is None:
        return channel.tells_of_incidents(entry.alert_type)
    return channel.tells_of_incidents(entry.alert_type, str(record["message_id"]))


def _end(record: Record) -> str:
    return record["status"] + (f" ({record['reason']})" if record["reason"] else "")


def left_behind(client: "redis.Redis", names: Keys) -> dict[str, list[str]]:
    """What a Redis at rest must not hold: alerts that wait or are in flight, and keys without a life."""
    waiting = [
        f"{key}: {found}"
        for part in ("waiting", "delayed", "in_flight")
        for key in client.scan_iter(names.outbox("*", part), count=10_000)
        if (found := client.zcard(key))
    ]
    keys: list[Any] = list(client.scan_iter("notifier:*", count=10_000))
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.pttl(key)
    kombu = ("notifier:unacked", "notifier:unacked_index")
    lasting = [key for key, life in zip(keys, pipeline.execute(), strict=True) if life == -1 and key not in kombu]
    found = {"still in an outbox": waiting, "without a life": lasting}
    return {name: each for name, each in found.items() if each}
