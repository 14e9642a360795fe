"""What each script of ours asks of Redis in a burst of 900: ``uv run python -m tests.benchmarks.burst_commands``.

It is the burst of ``notifier-bench --only burst``, with Redis' MONITOR beside it, which makes all of it slower.
"""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from hashlib import sha1
from typing import Any

import redis

from tests.benchmarks.lab import Lab
from tests.benchmarks.rows.burst import of_ours

ALERTS = 900
HEADER = re.compile(r"return \(function\(\) -- (.{1,60})")
"""The first words of a step within its script."""
OF_A_MONITOR = re.compile(rb'^\+[\d.]+ \[\d+ (lua|[^\]]+)\] "([^"]+)"(?: "([^"]*))?')


class CommandLog:
    """Counts the commands that Redis runs, by the script that asks for them ('': none)."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.began: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, url: str) -> None:
        """Listen from now on, so that each script is seen when it is loaded."""
        client = redis.Redis.from_url(url)
        connection: Any = client.connection_pool.get_connection()
        connection.send_command("MONITOR")
        connection.read_response()
        lines = connection._sock.makefile("rb")
        self._thread = threading.Thread(target=self._read, args=(lines, client), daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Count from here on."""
        self.calls.clear()
        self.began.clear()

    def end(self) -> None:
        """Count no more."""
        self._over.set()

    def _read(self, lines: Any, _client: object) -> None:  # whose connections end once nobody holds it
        script = ""
        for line in lines:
            if self._over.is_set():
                return
            found = OF_A_MONITOR.match(line)
            if not found:
                continue
            who, name, argument = (each.decode(errors="replace") if each else "" for each in found.groups())
            name = name.upper()
            if who != "lua":
                script = ""
            if name in ("EVAL", "SCRIPT"):
                self._learn(line.decode(errors="replace"))
            if name in ("EVAL", "EVALSHA"):
                script = self._names.get(argument, argument[:8]) if name == "EVALSHA" else "eval"
                self.began[script] += 1
            self.calls[script, name] += 1

    def _learn(self, line: str) -> None:
        for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', line):
            text = quoted.encode().decode("unicode_escape").encode("latin-1")
            if found := HEADER.search(text.decode(errors="replace")):
                self._names[sha1(text, usedforsecurity=False).hexdigest()] = found[1]

    def table(self) -> Iterator[str]:
        """Lines of text: each script with its commands, the most first."""
        for script, times in [*self.began.most_common(), ("", 1)]:
            mine = {name: calls for (of, name), calls in self.calls.items() if of == script}
            total = sum(mine.values())
            yield f"{total:7} commands  {times:5} calls  {total / max(1, times):6.1f} each  {script or '(no script)'}"
            for name, calls in sorted(mine.items(), key=lambda each: -each[1]):
                yield f"{calls:15} {name}"


def main() -> None:
    """Count, and print."""
    log = CommandLog()
    with Lab().place() as place:
        log.begin(place.environment["REDIS_URL"])
        cost = of_ours(place, ALERTS, begins=log.reset)
        log.end()
    for line in log.table():
        print(line)
    print(cost)


if __name__ == "__main__":
    main()
