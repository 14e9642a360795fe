"""Six webhooks at the start, and memory that does not grow."""

import re

from notifier.sandbox.snowflake import Snowflakes
from notifier.sandbox.store import File, Message, Store, Thread, Webhook, ready_made


def message(number: int, size: int = 0) -> Message:
    files = [File("1", "a.bin", "application/octet-stream", size, b"")] if size else []
    return Message({"id": str(number), "channel_id": "2"}, "1", "2", files)


def test_six_webhooks_are_ready_made_with_tokens_that_real_clients_accept() -> None:
    webhooks = ready_made()
    assert [webhook.id for webhook in webhooks] == [str(1000000000000000000 + number) for number in range(1, 7)]
    assert [webhook.channel_id for webhook in webhooks] == [str(2000000000000000000 + number) for number in range(1, 7)]
    names = ["general", "errors", "critical", "tracklists", "monitoring", "security"]
    assert [webhook.name for webhook in webhooks] == [f"tracktion-{name}" for name in names]
    assert all(re.fullmatch(r"fake-token-[A-Za-z0-9_-]{57}", webhook.token) for webhook in webhooks)
    assert "fake-token" not in repr(webhooks)


def test_the_oldest_message_goes_when_there_are_too_many() -> None:
    store = Store(lambda *_: None)
    for number in range(10_005):
        store.add(message(number))
    assert len(store.messages) == 10_000
    assert next(iter(store.messages)) == "5"


def test_the_oldest_thread_goes_when_there_are_too_many() -> None:
    store = Store(lambda *_: None)
    for number in range(10_005):
        store.put_thread(Thread(str(number), "2"))
    assert (len(store.threads), next(iter(store.threads))) == (10_000, "5")


def test_the_oldest_files_make_room_and_their_messages_stay() -> None:
    store = Store(lambda *_: None)
    half = 128 * 1024 * 1024
    for number in range(3):
        store.add(message(number, half))
    assert [each.files[0].data is None for each in store.messages.values()] == [True, False, False]


def test_every_change_is_sent_to_the_listener() -> None:
    told: list[str] = []
    store = Store(lambda kind, _: told.append(kind))
    told.clear()
    store.add(message(1))
    store.changed(store.messages["1"])
    store.delete(store.messages["1"])
    store.put_webhook(Webhook("1", "t", "2"))
    store.delete_webhook("1")
    store.clear()
    assert told == ["message", "edit", "delete", "webhooks", "webhooks", "clear"]


def test_ids_grow_even_when_the_clock_goes_back() -> None:
    snowflakes = Snowflakes()
    ids = [int(snowflakes.new(now)) for now in (1_800_000_000.0, 1_800_000_000.0, 1_700_000_000.0, 1_800_000_001.0)]
    assert ids == sorted(set(ids))
    assert (ids[0] >> 22) + 1_420_070_400_000 == 1_800_000_000_000
