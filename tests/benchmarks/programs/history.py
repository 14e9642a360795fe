"""Writes a short and a long history and reads a page of each in turn; prints the seconds, as JSON."""

import json
import os
import sys
import time
from collections.abc import Callable

from notifier.models import AlertType
from notifier.operations.history import NotificationHistory
from notifier.storage.connection import connect
from tests.benchmarks.histories import at, written

LIMIT = 50
Read = Callable[[NotificationHistory, int], object]
READS: dict[str, Read] = {
    "page": lambda history, count: history.page(
        alert_type=AlertType.ERROR, since=at(count // 2), until=at(count // 2 + 3_600), limit=LIMIT
    ),
    "search": lambda history, _: history.page(search="in no alert", limit=LIMIT),
}


def main(few: int, many: int, rounds: int) -> None:
    """Each read is of another history than the one before."""
    client = connect(os.environ["REDIS_URL"], 120)
    histories = {count: written(client, count) for count in (few, many)}
    times: dict[str, dict[int, list[float]]] = {name: {few: [], many: []} for name in READS}
    for _ in range(rounds):
        for name, read in READS.items():
            for count, history in histories.items():
                start = time.perf_counter()
                read(history, count)
                times[name][count].append(time.perf_counter() - start)
    client.close()
    print(json.dumps({name: [each[few], each[many]] for name, each in times.items()}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
