"""Live changes, for the page: one bounded queue per reader."""

import asyncio
import json
from typing import Any

QUEUED = 2_000
"""Events that a slow reader may be behind by; after that it has to load everything again."""


class Events:
    """Sends every change to every reader."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[str | None]] = set()

    def subscribe(self) -> "asyncio.Queue[str | None]":
        """A queue of events from now on; None ends it."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUED)
        self._readers.add(queue)
        return queue

    def unsubscribe(self, queue: "asyncio.Queue[str | None]") -> None:
        """Remove the queue of a reader."""
        self._readers.discard(queue)

    def tell(self, kind: str, data: Any) -> None:
        """Send one change."""
        if not self._readers:
            return
        text = f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
        for queue in self._readers:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait("event: reload\ndata: null\n\n")
            else:
                queue.put_nowait(text)

    def close(self) -> None:
        """End all queues."""
        for queue in self._readers:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)
