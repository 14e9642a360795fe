"""Raises alerts through a line to Redis that is slow; prints the seconds of each call, as JSON."""

import asyncio
import json
import os
import sys
import threading
import time
from urllib.parse import urlsplit

FIRST = 2
PATIENCE_SECONDS = "30"  # the first call connects and loads the scripts, which is not measured


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """What comes in goes out so much later. (What is sent in one piece comes in one, however long the line.)"""
    while piece := await reader.read(65_536):
        await asyncio.sleep(seconds)
        writer.write(piece)
    writer.close()


async def serve(host: str, port: int, seconds: float, ready: "list[int]", is_ready: threading.Event) -> None:
    """A line on a port of its own, for as long as this process lives."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        await asyncio.gather(carry(reader, back, seconds / 2), carry(there, writer, seconds / 2))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    ready.append(server.sockets[0].getsockname()[1])
    is_ready.set()
    await server.serve_forever()


def line_to(url: str, seconds: float) -> str:
    """The URL of the same Redis at the end of a line with this round trip."""
    parts, ports, is_ready = urlsplit(url), list[int](), threading.Event()
    serving = serve(str(parts.hostname), int(parts.port or 0), seconds, ports, is_ready)
    threading.Thread(target=asyncio.run, args=(serving,), daemon=True).start()
    is_ready.wait(10)
    return f"redis://127.0.0.1:{ports[0]}/0"


def main(seconds: float, count: int, idle: bool) -> None:
    """With ``idle``, Redis is emptied before each call."""
    import redis

    near = redis.Redis.from_url(os.environ["REDIS_URL"])
    os.environ["REDIS_URL"] = line_to(os.environ["REDIS_URL"], seconds)
    os.environ["NOTIFIER_PUBLISH_TIMEOUT_SECONDS"] = PATIENCE_SECONDS
    from tasks import send_notification

    took = []
    for number in range(FIRST + count):
        if idle:
            near.flushdb()
        start = time.perf_counter()
        send_notification.delay(alert_type="error", title=f"Alert {number}")
        took.append(time.perf_counter() - start)
    print(json.dumps(took[FIRST:]))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
