"""An alert posted by the application: marked as such, and within its part of what Discord takes."""

import os
import time

import pytest
from pydantic import SecretStr

from notifier.discord import DiscordClient
from notifier.gate.gate import BUCKET_WINDOW_SECONDS
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.terms import NO_TERMS
from notifier.outcome import Answer, Deferred, Delivered, RateLimitInfo, Reason, Rejected
from notifier.producer import direct as direct_module
from notifier.producer.deadline import Deadline
from notifier.producer.direct import Direct
from notifier.producer.straight import StraightToDiscord
from notifier.producer.submitted import NOT_SPLIT, SENT_DIRECTLY_NOTE, Submitted
from notifier.producer.ways import NotTaken
from notifier.quiet_hours import parse
from notifier.render.batch import SUPPRESS_NOTIFICATIONS, Payload
from notifier.render.uploads import File
from notifier.settings import Settings
from notifier.webhook import Webhook


class Client:
    """Takes what is posted."""

    def __init__(self) -> None:
        self.footers: list[str] = []
        self.contents: list[str | None] = []
        self.files: list[tuple[File, ...]] = []
        self.flags: list[int] = []
        self.titles: list[str] = []

    def execute(self, webhook: Webhook, payload: Payload) -> Answer:
        """Always delivered."""
        self.footers += [embed.get("footer", {}).get("text", "") for embed in payload.body["embeds"]]
        self.titles += [embed["title"] for embed in payload.body["embeds"]]
        self.contents.append(payload.body.get("content"))
        self.files.append(payload.files)
        self.flags.append(payload.body.get("flags", 0))
        return Answer(Delivered("1", "2"), None, 200)


@pytest.fixture
def client() -> Client:
    """Nothing posted yet."""
    return Client()


@pytest.fixture
def direct(client: Client) -> Direct:
    """Knows the webhook of security."""
    return Direct(client, webhooks_of_security())  # type: ignore[arg-type]


def webhooks_of_security() -> Settings:
    webhooks = {AlertType.SECURITY: Webhook("1", SecretStr("fake-token"))}
    return Settings.load().model_copy(update={"webhooks": webhooks})


def alert() -> NotificationMessage:
    return NotificationMessage(title="T", alert_type=AlertType.SECURITY)


def test_it_says_so_and_that_it_may_be_a_duplicate_if_redis_may_have_taken_it(
    direct: Direct, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct.post(alert())
    later = direct_module.time.monotonic() + BUCKET_WINDOW_SECONDS
    monkeypatch.setattr(direct_module.time, "monotonic", lambda: later)
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
    now = time.monotonic
    for later in (0, 3_600):  # the second is not refused for ever, as for a webhook that is gone
        monkeypatch.setattr(direct_module.time, "monotonic", lambda later=later: now() + later)
        way = StraightToDiscord(lambda: direct)
        taken = way.take(alert(), NO_TERMS, Deadline.after(10), NotTaken("Redis is away"))
        assert isinstance(taken, NotTaken)
        assert (taken.maybe_posted, taken.maybe_admitted) == (False, False)
        assert taken.because.startswith(f"Redis is away; posted directly: {reason} (")


@pytest.mark.parametrize("per_minute", [1, 2, 3, 4, 30, 1_000])
@pytest.mark.parametrize("webhooks", [1, 3], ids=["one webhook", "three in one channel, for all we know"])
def test_one_process_takes_a_third_of_each_limit_at_most_as_others_may_post_too(
    client: Client, monkeypatch: pytest.MonkeyPatch, per_minute: int, webhooks: int
) -> None:
    kinds = [AlertType.SECURITY, AlertType.CRITICAL, AlertType.ERROR][:webhooks]
    found = {kind: Webhook(str(number), SecretStr("fake-token")) for number, kind in enumerate(kinds)}
    settings = Settings.load().model_copy(update={"webhooks": found, "rate_limit_per_minute": per_minute})
    direct = Direct(client, settings)  # type: ignore[arg-type]
    clock = [0.0]
    monkeypatch.setattr(direct_module.time, "monotonic", lambda: clock[0])
    went: list[tuple[float, AlertType]] = []
    for clock[0] in (tick / 4 for tick in range(6 * 60 * 4)):
        for kind in kinds:
            outcome = direct.post(NotificationMessage(title="T", alert_type=kind)).outcome
            if isinstance(outcome, Delivered):
                went.append((clock[0], kind))
            else:
                assert isinstance(outcome, Deferred)
    assert most(went, 60) * 3 <= 30, "a channel takes 30 in a minute"
    for kind in kinds:
        own = [each for each in went if each[1] is kind]
        assert most(own, 2) <= 1, "a webhook takes 5 in 2 s"
        assert most(own, max(60, 180 / per_minute)) * 3 <= max(per_minute, 3)
    best = min(per_minute / 3, 10 / webhooks) if per_minute < 3 else min(per_minute // 3, 10 / webhooks)
    assert len(went) >= 5 * best * webhooks * 0.9, "and it takes what it may"


def most(went: list[tuple[float, AlertType]], seconds: float) -> int:
    """The most requests in any span of that length."""
    return max(sum(start <= at < start + seconds for at, _ in went) for start, _ in went)


@pytest.mark.parametrize("remaining", [0, 1])
def test_what_discord_refuses_goes_again_without_ornaments_if_there_is_room(remaining: int) -> None:
    refusal = Answer(Rejected(Reason.INVALID_PAYLOAD), RateLimitInfo(5, remaining, 1.0), 400)

    class Strict(Client):
        def execute(self, webhook: Webhook, payload: Payload) -> Answer:
            return refusal if "color" in payload.body["embeds"][0] else super().execute(webhook, payload)

    strict = Strict()
    direct = Direct(strict, webhooks_of_security())  # type: ignore[arg-type]
    message = NotificationMessage(title="T", alert_type=AlertType.SECURITY, url="http://grafana:3000/")
    taken = StraightToDiscord(lambda: direct).take(message, NO_TERMS, Deadline.after(5), NotTaken("Redis is away"))
    assert len(strict.footers) == remaining
    if isinstance(taken, Submitted):
        assert taken.result.get()["left_out"] == ["color", "timestamp", "url"]
    else:
        assert (remaining, taken.because) == (0, "Redis is away; posted directly: invalid_payload")


def test_it_pings_whom_its_type_does_once_in_the_quiet_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    pings = {"mentions_by_type": {AlertType.SECURITY: ("@here", "<@&5>")}, "mention_quiet_seconds": 300}
    direct = Direct(client, webhooks_of_security().model_copy(update=pings))  # type: ignore[arg-type]
    began = direct_module.time.monotonic()
    for seconds in (0, 290, 310):
        monkeypatch.setattr(direct_module.time, "monotonic", lambda at=began + seconds: at)
        direct.post(alert())
    assert client.contents == ["@here <@&5>", None, "@here <@&5>"]


@pytest.mark.parametrize(("change", "title"), [("resolved", "✅ disk"), ("update", "disk")])
def test_what_changes_an_incident_is_no_new_alert(client: Client, change: str, title: str) -> None:
    pings = webhooks_of_security().model_copy(update={"mentions_by_type": {AlertType.SECURITY: ("@here",)}})
    given = {"dedup_key": "disk", "alert_type": AlertType.SECURITY, change: True}
    Direct(client, pings).post(NotificationMessage(**given))  # type: ignore[arg-type]
    assert (client.titles, client.contents, client.flags) == ([title], [None], [SUPPRESS_NOTIFICATIONS])


def test_one_that_would_be_split_goes_in_one_request_with_all_of_it_and_says_so(direct: Direct, client: Client) -> None:
    text = "\n".join("x" * 60 for _ in range(160))
    given = {"message": text, "long_text": "split", "files": [("dump.bin", b"\0\xff")]}
    message = NotificationMessage(title="T", alert_type=AlertType.SECURITY, **given)
    way = StraightToDiscord(lambda: direct)
    taken = way.take(message, NO_TERMS, Deadline.after(5), NotTaken("Redis is away"))
    assert isinstance(taken, Submitted)
    record = taken.result.get()
    assert (record["detail"], record["message"]["long_text"]) == (SENT_DIRECTLY_NOTE, "attach")
    assert record["message"]["adjusted"] == [NOT_SPLIT]
    ((file, whole),) = client.files
    assert (file.name, file.content, text in whole.content.decode()) == ("dump.bin", b"\0\xff", True)


def test_in_quiet_hours_it_makes_no_sound_and_nobody_counts_as_pinged(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = {AlertType.SECURITY: parse("00:00-24:00 UTC hold")}  # it cannot be held: Redis is away
    settings = webhooks_of_security().model_copy(
        update={"mentions_by_type": {AlertType.SECURITY: ("<@7>",)}, "quiet_hours_by_type": quiet}
    )
    direct = Direct(client, settings)  # type: ignore[arg-type]
    direct.post(alert())
    monkeypatch.setattr(direct, "_settings", settings.model_copy(update={"quiet_hours_by_type": {}}))
    later = direct_module.time.monotonic() + BUCKET_WINDOW_SECONDS
    monkeypatch.setattr(direct_module.time, "monotonic", lambda: later)
    direct.post(alert())
    assert client.flags == [SUPPRESS_NOTIFICATIONS, 0]
    assert client.contents == [None, "<@7>"]
