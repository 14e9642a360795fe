"""``NOTIFIER_KEY_PREFIX``: two deployments share one Redis database, and each sees its own alerts alone."""

import json
import re

import pytest

from notifier.storage.connection import connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Notifier, RunPython

PREFIXES = ("red:", "blue:")
ALERTS = 5
RAISE = """

from tasks import send_notification
results = [send_notification.delay(title=f"{0} {{number}}") for number in range({1})]
print([result.get(timeout=60)["status"] for result in results])
"""


@pytest.mark.slow
def test_two_deployments_in_one_database_see_their_own_alerts_alone(
    redis_url: str, sandbox: Sandbox, start_worker: StartWorker, run_python: RunPython, notifier: Notifier
) -> None:
    """Each has a webhook of its own for the same alert type; a message in the wrong channel would be the other's."""
    webhooks = (sandbox.variables["DISCORD_WEBHOOK_GENERAL"], sandbox.variables["DISCORD_WEBHOOK_SECURITY"])
    deployments = [
        {"NOTIFIER_KEY_PREFIX": prefix, "DISCORD_WEBHOOK_GENERAL": webhook}
        for prefix, webhook in zip(PREFIXES, webhooks, strict=True)
    ]
    workers = [start_worker("-Q", "notifications.general", **deployment) for deployment in deployments]
    delivered = f"{['delivered'] * ALERTS}\n"
    for deployment in deployments:
        program = RAISE.format(deployment["NOTIFIER_KEY_PREFIX"], ALERTS)
        done = run_python(program, **deployment)
        assert done.stdout == delivered, done.stderr
    channels: dict[str, set[str]] = {}
    for message in sandbox.messages():
        titles = {embed["title"].split()[0] for embed in message["embeds"]}
        channels.setdefault(message["channel_id"], set()).update(titles)
    assert sorted(channels.values(), key=sorted) == [{"blue:"}, {"red:"}]
    assert len(sandbox.titles()) == 2 * ALERTS
    for deployment in deployments:
        found = json.loads(notifier("history", "--json", **deployment).stdout)
        titles = re.findall(r"(?:red|blue): \d", json.dumps(found))
        assert {title.split()[0] for title in titles} == {deployment["NOTIFIER_KEY_PREFIX"]}
    client = connect(redis_url, 5)
    own = re.compile(r"(?:_kombu\.binding\.|[0-9a-f-]{36}\.reply\.)?(?:red|blue):")
    assert [key for key in client.scan_iter() if not own.match(key)] == []
    workers[0].stop()
    reds = list(client.scan_iter("*red:*"))
    assert reds
    client.delete(*reds)
    done = run_python(RAISE.format("blue:", ALERTS), **deployments[1])
    assert done.stdout == delivered, done.stderr
    assert list(client.scan_iter("*red:*")) == []
    client.flushdb()
    client.close()
