"""An application that raises alerts one after another, each again under the same id until it is accepted.

persistent_caller.py COUNT [PAUSE_SECONDS [DEDUP_KEY]]
"""

import sys
import time

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from tasks import send_notification


def main() -> None:
    """Raise them over all types; print how often a call raised BrokerUnavailable, and how long the longest took."""
    count, pause = int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    key = sys.argv[3] if len(sys.argv) > 3 else None
    kinds = list(AlertType)
    refused, longest = 0, 0.0
    for number in range(count):
        while True:
            start = time.monotonic()
            try:
                send_notification[kinds[number % len(kinds)]].delay(
                    id=f"n{number}", title=f"alert {number}", dedup_key=key
                )
                break
            except BrokerUnavailable:
                refused += 1
            finally:
                longest = max(longest, time.monotonic() - start)
        time.sleep(pause)
    print(f"raised {count}, refused {refused}, longest {longest:.2f} s")


if __name__ == "__main__":
    main()
