"""A type with several webhooks, on real workers: its alerts are spread, and one webhook may go."""

from collections import defaultdict

import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.names import names
from tests.servers import until

CHANNELS = {"GENERAL": "2000000000000000001", "TRACKLIST": "2000000000000000004"}


def burst(application: Application, name: str) -> list[str]:
    """Alerts of twenty sources, in turn; their ids."""
    return [
        each
        for number in range(80)
        for each in application.raise_alerts(f"{name} {number:02}", source=f"host-{number % 20}")
    ]


def titles(sandbox: Sandbox, channel: str) -> list[str]:
    return [
        embed["title"]
        for message in sandbox.call("GET", f"messages?channel_id={channel}")
        for embed in message["embeds"]
    ]


@pytest.mark.slow
def test_alerts_are_spread_in_order_with_no_429_and_go_on_when_a_webhook_is_gone(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    urls = ",".join(sandbox.variables[f"DISCORD_WEBHOOK_{name}"] for name in CHANNELS)
    workers = [start_worker(DISCORD_WEBHOOK_GENERAL=urls) for _ in range(2)]
    client = application.pipeline.redis
    until(lambda: client.hget(names.outbox(AlertType.GENERAL, "partitions"), "count") == "2", "two partitions")
    records = application.wait(burst(application, "first"))
    assert {record["status"] for record in records} == {"delivered"}
    assert sandbox.stats()["rate_limited"] == 0
    posted = {name: titles(sandbox, channel) for name, channel in CHANNELS.items()}
    assert sorted(posted["GENERAL"] + posted["TRACKLIST"]) == [f"first {number:02}" for number in range(80)], (
        "each once"
    )
    where = defaultdict(set)
    for name, found in posted.items():
        assert found == sorted(found), "each channel in the order in which they were raised"
        for title in found:
            where[int(title.split()[1]) % 20].add(name)
    assert all(len(each) == 1 for each in where.values()), "a source keeps to its channel"
    assert {name for each in where.values() for name in each} == set(CHANNELS)

    sandbox.call("DELETE", "webhooks/1000000000000000004")
    records = application.wait(burst(application, "second"))
    assert {(record["status"], record["channel_id"]) for record in records} == {("delivered", CHANNELS["GENERAL"])}
    told = "The webhook 1000000000000000004 of DISCORD_WEBHOOK_GENERAL is gone"
    until(lambda: any(told in worker.output() for worker in workers), "it is told")
