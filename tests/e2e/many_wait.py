"""An asyncio application in which very many calls wait at once; prints what that costs."""

import asyncio
import json
import os
import statistics
import sys
import threading
import time

from notifier import DiscordNotificationService, NotificationMessage
from notifier.storage.connection import connect
from tests.results import ended, store, waited_for

PLAIN = 50
ROUNDS = 5
"""What the waiters delay is late in each round; what another process of this machine delays is not."""


async def plain(service: DiscordNotificationService, name: str) -> float:
    """The median time of a call that does not wait, in seconds, in the best of some rounds."""
    medians = []
    for _ in range(ROUNDS):
        seconds = []
        for number in range(PLAIN):
            start = time.monotonic()
            await service.send(NotificationMessage(title=f"{name} {number}"))
            seconds.append(time.monotonic() - start)
        medians.append(statistics.median(seconds))
    return min(medians)


async def main(waiters: int) -> None:
    """Count threads and connections, and time other calls, while that many wait."""
    service = DiscordNotificationService()
    client = connect(os.environ["REDIS_URL"], 10)
    others = len(client.client_list()) - 1
    alone = await plain(service, "alone")
    messages = [NotificationMessage(id=f"n{number}", title="waited for") for number in range(waiters)]
    tasks = [asyncio.create_task(service.send(each, wait=60)) for each in messages]
    ends_at = time.monotonic() + 30
    while waited_for(client) < waiters and time.monotonic() < ends_at:
        await asyncio.sleep(0.05)
    waiting = waited_for(client)
    beside = await asyncio.wait_for(plain(service, "beside"), 30)
    threads, connections = threading.active_count(), len(client.client_list()) - others
    for each in messages:
        store(client, each.id, ended(each.id))
    delivered = sum(result.status == "delivered" for result in await asyncio.gather(*tasks))
    alone = max(alone, await plain(service, "alone again"))  # what else runs on this machine may have changed meanwhile
    print(json.dumps([waiting, delivered, threads, connections, alone, beside]))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
