"""Every key has a life, wherever the process ends that writes it."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import redis

from notifier.gate.machines import MachineFault, Machines
from notifier.gate.trouble import report_trouble
from notifier.models import AlertType
from notifier.operations.audit import Audit, Author
from notifier.outbox.silences import Silences
from notifier.worker.self_monitor import SelfMonitor
from tests.integration.conftest import WEBHOOK, Bench
from tests.names import names


class Ended(BaseException):
    """The process has ended."""


class Mortal(redis.Redis):
    """Ends its process after so many round trips."""

    left = 10**6

    def _spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Ended

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""
        self._spend()
        return super().execute_command(*args, **options)

    def pipeline(self, *args: Any, **options: Any) -> Any:
        """Send several as one."""
        self._spend()
        return super().pipeline(*args, **options)


def tell_of_a_trouble(client: redis.Redis, _: Bench) -> None:
    report_trouble(client, names, "redis_unfit", "", "some reason")


def tell_of_a_machine(client: redis.Redis, _: Bench) -> None:
    Machines(client, names).failing(MachineFault("here", "no_network", "why"), 5)


def silence(client: redis.Redis, bench: Bench) -> None:
    Silences(client, bench.settings).add({"source": "some"}, 60)


def end_a_silence_that_redis_forgets(client: redis.Redis, bench: Bench) -> None:
    silences = Silences(client, bench.settings)
    started = silences.add({"source": "some"}, 60)
    found = client.hget

    def forgotten_since(*args: Any) -> Any:
        value = found(*args)
        bench.redis.delete(names.silences)
        return value

    client.hget = forgotten_since  # type: ignore[method-assign]
    silences.end(started.id)


def report_what_redis_forgets(client: redis.Redis, bench: Bench) -> None:
    report_trouble(client, names, "redis_unfit", "", "some reason")

    class Forgetful:
        def submit(self, _: object) -> None:
            bench.redis.delete(names.troubles)

    SelfMonitor(client, bench.settings, Forgetful(), bench.gate).report()  # type: ignore[arg-type]


def close_a_webhook(client: redis.Redis, bench: Bench) -> None:
    type(bench.gate)(client, bench.settings).close(WEBHOOK, "somebody")


def note_an_action(client: redis.Redis, bench: Bench) -> None:
    Audit(client, names).note(Author("somebody"), "closed", AlertType.GENERAL)


@pytest.mark.parametrize(
    "act",
    [
        *(tell_of_a_trouble, tell_of_a_machine, silence, end_a_silence_that_redis_forgets),
        *(report_what_redis_forgets, close_a_webhook, note_an_action),
    ],
    ids=lambda act: act.__name__,
)
def test_a_process_that_ends_anywhere_leaves_no_key_without_a_life(
    bench: Bench, act: Callable[[redis.Redis, Bench], None]
) -> None:
    known = set(bench.redis.scan_iter())  # the clock of the tests, and the like
    for trips in count():
        client = Mortal(connection_pool=bench.redis.connection_pool)
        client.left = trips
        try:
            act(client, bench)
            ended = True
        except Ended:
            ended = False
        written = set(bench.redis.scan_iter()) - known
        assert {key for key in written if bench.redis.ttl(key) == -1} == set()
        if ended:
            break
        bench.redis.delete(*written, "nothing")
    assert trips, "it asks Redis for something"
