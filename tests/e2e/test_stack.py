"""What ``notifier up`` starts comes up again, whatever it was stopped with."""

from pathlib import Path

import pytest

from notifier.cli.stack import Stack
from notifier.errors import ConfigurationError
from notifier.storage.connection import connect
from tests.names import names


def test_its_own_redis_may_hold_alerts_that_wait_but_none_for_real_webhooks(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        client = connect(stack.redis(), 5)
        client.zadd(names.outbox("general", "waiting"), {"waits": 1})
        stack.sandbox()
        client.hset(names.gate("123"), "channel", "1")
        with pytest.raises(ConfigurationError, match="alerts for real webhooks live there"):
            stack.sandbox()
        client.close()
