"""An application that raises alerts one after another, each again under the same id until it is accepted.

python -m tests.faults.persistent_caller FIRST COUNT PAUSE_SECONDS [DEDUP_KEY [FIELDS]]

FIELDS (JSON): by alert type, the fields of its alerts, in turn.
"""

import json
import sys
import time

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from tasks import send_notification


def main() -> None:
    """Raise them over all types; print how often a call raised BrokerUnavailable, and how long the longest took."""
    first, count, pause = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    key = sys.argv[4] if len(sys.argv) > 4 else None
    fields = json.loads(sys.argv[5]) if len(sys.argv) > 5 else {}
    kinds = list(AlertType)
    refused, longest = 0, 0.0
    for number in range(first, first + count):
        kind = kinds[number % len(kinds)]
        in_turn = fields.get(kind, [{}])
        given = {"title": f"alert {number}", "message": f"{number}", **in_turn[number // len(kinds) % len(in_turn)]}
        while True:
            start = time.monotonic()
            try:
                send_notification[kind].delay(id=f"n{number}", dedup_key=key, **given)
                break
            except BrokerUnavailable:
                refused += 1
                if refused == 1:
                    print("the first is refused", flush=True)
            finally:
                longest = max(longest, time.monotonic() - start)
        time.sleep(pause)
    print(f"raised {count}, refused {refused}, longest {longest:.2f} s")


if __name__ == "__main__":
    main()
