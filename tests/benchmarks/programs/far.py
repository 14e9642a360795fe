"""Raises alerts through a line to Redis that is slow; prints what each call takes, as JSON."""

import asyncio
import json
import os
import sys
import threading
import time
from urllib.parse import urlsplit

FIRST = 2
"""Calls that are not among the others: one connects, and has the scripts loaded; one may find a queue that is new."""
PATIENCE_SECONDS = "30"
PIECE_BYTES = 2**20


class Line:
    """A line to a Redis, with this round trip, for as long as this process lives.

    ``trips``: how often somebody has connected, or has sent something and waited.
    """

    def __init__(self, url: str, seconds: float) -> None:
        self._to, self._seconds, self._is_ready = urlsplit(url), seconds, threading.Event()
        self.trips = 0
        threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True).start()
        self._is_ready.wait(10)

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=PIECE_BYTES)
        self.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        self._is_ready.set()
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.trips += 1
        there, back = await asyncio.open_connection(self._to.hostname, self._to.port, limit=PIECE_BYTES)
        waits = [False]
        await asyncio.gather(self._carry(reader, back, waits, True), self._carry(there, writer, waits, False))

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waits: list[bool], is_asked: bool
    ) -> None:
        """What comes in goes out so much later. (What is sent in one piece comes in one, however long the line.)"""
        while piece := await reader.read(PIECE_BYTES):
            self.trips += is_asked and not waits[0]
            waits[0] = is_asked
            await asyncio.sleep(self._seconds / 2)
            writer.write(piece)
        writer.close()


def main(seconds: float, count: int, idle: bool) -> None:
    """With ``idle``, Redis is emptied before each call."""
    import redis

    near = redis.Redis.from_url(os.environ["REDIS_URL"])
    line = Line(os.environ["REDIS_URL"], seconds)
    os.environ["REDIS_URL"] = line.url
    os.environ["NOTIFIER_PUBLISH_TIMEOUT_SECONDS"] = PATIENCE_SECONDS
    from tasks import send_notification

    took, first = [], 0
    for number in range(FIRST + count):
        if idle:
            near.flushdb()
        start = time.perf_counter()
        send_notification.delay(alert_type="error", title=f"Alert {number}")
        took.append(time.perf_counter() - start)
        first = first or line.trips
    print(json.dumps({"seconds": took[FIRST:], "first": first}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
