"""An alert posted by the application: marked as such, and within its part of what Discord takes."""

import os

import pytest
from pydantic import SecretStr

from notifier.discord import DiscordClient
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.terms import NO_TERMS
from notifier.outcome import Answer, Deferred, Delivered
from notifier.producer import direct as direct_module
from notifier.producer.deadline import Deadline
from notifier.producer.direct import Direct
from notifier.producer.ways import NotTaken, StraightToDiscord
from notifier.render.batch import Payload
from notifier.settings import Settings, Webhook


class Client:
    """Takes what is posted."""

    def __init__(self) -> None:
        self.footers: list[str] = []

    def execute(self, webhook: Webhook, payload: Payload) -> Answer:
        """Always delivered."""
        self.footers += [embed["footer"]["text"] for embed in payload.body["embeds"]]
        return Answer(Delivered("1", "2"), None, 200)


@pytest.fixture
def client() -> Client:
    """Nothing posted yet."""
    return Client()


@pytest.fixture
def direct(client: Client) -> Direct:
    """Knows the webhook of security."""
    webhooks = {AlertType.SECURITY: Webhook("1", SecretStr("fake-token"))}
    return Direct(client, Settings.load().model_copy(update={"webhooks": webhooks}))  # type: ignore[arg-type]


def alert() -> NotificationMessage:
    return NotificationMessage(title="T", alert_type=AlertType.SECURITY)


def test_it_says_so_and_that_it_may_be_a_duplicate_if_redis_may_have_taken_it(direct: Direct, client: Client) -> None:
    direct.post(alert())
    direct.post(alert(), maybe_admitted=True)
    sure, unsure = client.footers
    assert "sent directly: Redis was away" in sure
    assert "duplicate" not in sure
    assert "sent directly: Redis was away" in unsure
    assert "may be a duplicate" in unsure


@pytest.mark.parametrize(
    ("variables", "api_url", "reason"),
    [
        ({"ALL_PROXY": "socks5://127.0.0.1:1"}, "https://discord.invalid/api/v10", "machine_misconfigured"),
        ({"HTTPS_PROXY": "http://[::1"}, "https://discord.invalid/api/v10", "machine_misconfigured"),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, "https://discord.invalid/api/v10", "proxy_failed"),
        ({"REQUESTS_CA_BUNDLE": "/no/such/file"}, "https://127.0.0.1:1/api/v10", "machine_misconfigured"),
        ({}, "https://discord.invalid/api/v10", "no_network"),
    ],
)
def test_a_fault_of_this_machine_is_told_and_holds_it_back_only_for_a_while(
    variables: dict[str, str], api_url: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.lower().endswith(("_proxy", "_ca_bundle"))]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    webhooks = {AlertType.SECURITY: Webhook("1", SecretStr("fake-token"))}
    direct = Direct(DiscordClient(api_url, 2), Settings.load().model_copy(update={"webhooks": webhooks}))
    for _ in range(2):  # the second is not refused for ever, as for a webhook that is gone
        way = StraightToDiscord(lambda: direct)
        taken = way.take(alert(), NO_TERMS, Deadline.after(10), NotTaken("Redis is away"))
        assert isinstance(taken, NotTaken)
        assert (taken.maybe_posted, taken.maybe_admitted) == (False, False)
        assert taken.because.startswith(f"Redis is away; posted directly: {reason} (")


def test_one_process_takes_a_third_of_the_minute_as_others_may_post_too(
    direct: Direct, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(direct_module.time, "monotonic", lambda: clock[0])
    for _ in range(59):
        clock[0] += 1
        outcome = direct.post(alert())
    assert len(client.footers) == 10
    assert isinstance(outcome, Deferred)
