"""A node of a Redis Cluster is told as one: it is not supported."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.errors import BrokerUnavailable
from notifier.models import NotificationMessage
from notifier.outbox.outbox import Outbox
from notifier.settings import Settings
from notifier.storage.connection import connect
from tests.secured_redis import SecuredRedis
from tests.servers import until


@pytest.fixture(params=[pytest.param("a whole cluster", marks=pytest.mark.slow), "a node without slots"])
def node(request: pytest.FixtureRequest, tmp_path: Path, own_environment: None) -> Iterator[SecuredRedis]:
    """A node that owns every slot, or none."""
    own = SecuredRedis(tmp_path / "redis", users=["default on nopass ~* &* +@all"], more=["cluster-enabled yes"])
    if request.param == "a whole cluster":
        own.admin.execute_command("CLUSTER ADDSLOTS", *range(16_384))
        until(lambda: own.admin.execute_command("CLUSTER INFO")["cluster_state"] == "ok", "the cluster", 20)
    yield own
    own.stop()


def test_an_alert_for_a_cluster_is_refused_by_an_error_that_says_so(node: SecuredRedis) -> None:
    client = connect(f"redis://127.0.0.1:{node.port}/0", 5)
    outbox = Outbox(client, Settings.load())
    with pytest.raises(BrokerUnavailable, match="REDIS_URL names a node of a Redis Cluster"):
        outbox.admit(NotificationMessage(title="T"))
    client.close()
