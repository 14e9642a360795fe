"""The error table, the headers of each scope, the differences of each version."""

import json
from typing import Any

import pytest

from notifier.sandbox.answer import Answer
from notifier.sandbox.limits import LimitSettings
from notifier.sandbox.store import Thread, Webhook

from .conftest import JSON, Discord

HI = {"content": "hi"}
BUCKET = {
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-RateLimit-Reset-After",
    "X-RateLimit-Bucket",
}
NO = "/api/v10/webhooks/1000000000000000009/none"


def body(answer: Answer) -> Any:
    return json.loads(answer.body)


def forum(discord: Discord, *, requires_tag: bool = False) -> str:
    webhook = Webhook("77", "t", "88", channel_type="forum", requires_tag=requires_tag)
    discord.exchange.store.put_webhook(webhook)
    return "/api/v10/webhooks/77/t"


TABLE: list[tuple[str, str, Any, str, int, int, str]] = [
    # method, path ({} is a good URL), body, query, status, code, message
    ("POST", "{}", {}, "", 400, 50006, "Cannot send an empty message"),
    ("POST", "{}", {"content": "x" * 2001}, "", 400, 50035, "Invalid Form Body"),
    ("POST", "{}", b"{", "", 400, 50109, "The request body contains invalid JSON."),
    ("POST", "{}", b'{"content": NaN}', "", 400, 50109, "The request body contains invalid JSON."),
    ("POST", "{}", {"content": "x", "thread_name": "t"}, "", 400, 220003, "Webhooks can only create threads"),
    ("POST", "{}x", HI, "", 401, 50027, "Invalid Webhook Token"),
    ("POST", NO, HI, "", 404, 10015, "Unknown Webhook"),
    ("GET", "{}/messages/1", None, "", 404, 10008, "Unknown Message"),
    ("POST", "{}", HI, "thread_id=1", 404, 10003, "Unknown Channel"),
    ("POST", "/api/v10/nothing", HI, "", 404, 0, "404: Not Found"),
    ("POST", "/api/v10/webhooks/1000000000000000001", HI, "", 405, 0, "405: Method Not Allowed"),
    ("PUT", "{}", HI, "", 405, 0, "405: Method Not Allowed"),
    ("GET", "/api/v10/webhooks/1000000000000000001", None, "", 401, 0, "401: Unauthorized"),
    ("POST", "/api/v10/webhooks/XYZ/token", HI, "", 400, 50035, "Invalid Form Body"),
    ("POST", "/api/v5/webhooks/1/token", HI, "", 400, 50041, "Invalid API version provided"),
    ("POST", "/api/v11/webhooks/1/token", HI, "", 400, 50041, "Invalid API version provided"),
    ("POST", "{}", HI, "wait=perhaps", 400, 50035, "Invalid Form Body"),
    ("POST", "{}", HI, "thread_id=x", 400, 50035, "Invalid Form Body"),
    ("PATCH", "{}", {"name": "discord"}, "", 400, 50035, "Invalid Form Body"),
]


@pytest.mark.parametrize(("method", "path", "sent", "query", "status", "code", "message"), TABLE)
def test_the_error_table(
    discord: Discord, method: str, path: str, sent: Any, query: str, status: int, code: int, message: str
) -> None:
    answer = discord.call(method, path.format(discord.url()), sent, query)
    assert (answer.status, body(answer)["code"]) == (status, code)
    assert body(answer)["message"].startswith(message)
    assert answer.headers["Via"] == "1.1 google"


def test_a_forum_wants_exactly_one_of_thread_name_and_thread_id(unlimited: Discord) -> None:
    url = forum(unlimited)

    def code(sent: Any, query: str = "wait=true", rest: str = "") -> Any:
        return body(unlimited.call("POST", url + rest, sent, query)).get("code")

    assert code(HI) == 220001
    made = body(unlimited.call("POST", url, {**HI, "thread_name": "post"}, "wait=true"))
    thread = made["channel_id"]
    assert thread != "88"
    assert code({**HI, "thread_name": "post"}, f"thread_id={thread}") == 220002
    assert code(HI, f"wait=true&thread_id={thread}") is None
    assert code({"text": "x"}, "", "/slack") == 220004
    unlimited.exchange.store.threads["5"] = Thread("5", "88", locked=True)
    assert code(HI, "thread_id=5") == 160005
    forum(unlimited, requires_tag=True)
    assert code({**HI, "thread_name": "post"}) == 40067
    assert code({**HI, "thread_name": "post", "applied_tags": ["1"]}) is None


def test_a_threads_message_is_found_with_its_thread_id_only(unlimited: Discord) -> None:
    unlimited.exchange.store.threads["5"] = Thread("5", unlimited.webhooks[0].channel_id)
    message = body(unlimited.post(HI, query="wait=true&thread_id=5"))["id"]
    url = unlimited.url(rest=f"/messages/{message}")
    assert unlimited.call("GET", url).status == 404
    assert unlimited.call("GET", url, query="thread_id=5").status == 200


def test_the_id_is_looked_up_before_the_token(discord: Discord) -> None:
    assert body(discord.call("POST", NO, HI))["code"] == 10015


def test_v6_and_v7_answer_a_bad_form_with_a_bare_map(discord: Discord) -> None:
    bad = {"username": "x" * 81, "embeds": [{"title": "ok"}, {"title": "x" * 257}]}
    flat = {"username": ["Must be between 1 and 80 in length."], "embeds": ["1"]}
    assert body(discord.post(bad, version="")) == flat
    assert body(discord.post(bad, version="/v7")) == flat
    tree = body(discord.post(bad, version="/v8"))
    assert tree["code"] == 50035
    assert set(tree["errors"]) == {"username", "embeds"}


def test_a_429_is_in_milliseconds_before_v8_and_in_seconds_from_v8_on(discord: Discord) -> None:
    for _ in range(5):
        assert discord.post(HI).status == 200
    old, new = discord.post(HI, version=""), discord.post(HI)
    assert (body(old)["retry_after"], old.headers["Retry-After"]) == (400, "400")
    assert (body(new)["retry_after"], new.headers["Retry-After"]) == (0.4, "1")
    assert body(new)["global"] is False
    assert "." not in old.headers["X-RateLimit-Reset"]
    assert new.headers["X-RateLimit-Reset-After"] == "2.000"


def test_headers_of_an_ordinary_answer(discord: Discord) -> None:
    for sent, status in ((HI, 200), ({}, 400)):
        answer = discord.post(sent)
        assert answer.status == status
        assert set(answer.headers) > BUCKET
        assert {"Retry-After", "X-RateLimit-Scope", "X-RateLimit-Global"}.isdisjoint(answer.headers)
    assert answer.headers["X-RateLimit-Remaining"] == "3"  # the refused one used a slot as well


def test_headers_of_a_bucket_429(discord: Discord) -> None:
    answers = [discord.post(HI) for _ in range(6)]
    assert [answer.status for answer in answers] == [200] * 5 + [429]
    assert BUCKET | {"Retry-After", "Via"} < set(answers[-1].headers)
    assert answers[-1].headers["X-RateLimit-Scope"] == "user"
    assert answers[-1].headers["X-RateLimit-Remaining"] == "0"
    discord.now += body(answers[-1])["retry_after"]
    assert discord.post(HI).status == 200


def test_headers_of_a_channel_429_keep_showing_free_slots() -> None:
    discord = Discord(LimitSettings(bucket_limit=50, channel_limit=30))
    statuses = [discord.post(HI).status for _ in range(31)]
    assert statuses == [200] * 30 + [429]
    answer = discord.post(HI)
    assert answer.headers["X-RateLimit-Scope"] == "shared"
    assert int(answer.headers["X-RateLimit-Remaining"]) > 0
    assert body(answer) == {"message": "The resource is being rate limited.", "retry_after": 60.0, "global": False}


def test_edits_do_not_count_towards_the_channel_but_share_the_bucket() -> None:
    discord = Discord(LimitSettings(channel_limit=1))
    message = body(discord.post(HI))["id"]
    url = discord.url(rest=f"/messages/{message}")
    assert [discord.call("PATCH", url, {"content": str(n)}).status for n in range(5)] == [200] * 4 + [429]


def test_reads_have_their_own_bucket_unless_set_otherwise() -> None:
    apart, shared = Discord(), Discord(LimitSettings(bucket_shared_by_reads=True))
    for discord in (apart, shared):
        for _ in range(4):
            discord.post(HI)
        posts = discord.post(HI).headers["X-RateLimit-Bucket"]
        reads = discord.call("GET", discord.url()).headers["X-RateLimit-Bucket"]
        assert (posts == reads) == (discord is shared), "a bucket has one name"
    assert apart.call("GET", apart.url()).status == 200
    assert shared.call("GET", shared.url()).status == 429


def test_the_channels_429_can_be_the_newer_one() -> None:
    discord = Discord(LimitSettings(channel_limit=1, channel_code=20028))
    discord.post(HI)
    assert body(discord.post(HI))["code"] == 20028


def test_headers_of_a_global_429_have_no_bucket() -> None:
    discord = Discord(LimitSettings(bucket_limit=1000, channel_limit=1000))
    statuses = [discord.post(HI).status for _ in range(51)]
    assert statuses == [200] * 50 + [429]
    answer = discord.post(HI)
    assert BUCKET.isdisjoint(answer.headers)
    assert (answer.headers["X-RateLimit-Global"], answer.headers["X-RateLimit-Scope"]) == ("true", "global")
    assert body(answer)["global"] is True
    assert discord.post(HI, address="10.0.0.9").status == 200


def test_all_webhooks_show_one_hash_and_have_counters_of_their_own(discord: Discord) -> None:
    answers = [discord.post(HI, number) for number in range(6)]
    assert len({answer.headers["X-RateLimit-Bucket"] for answer in answers}) == 1
    assert {answer.headers["X-RateLimit-Remaining"] for answer in answers} == {"4"}


def test_too_many_invalid_answers_end_in_a_ban_without_via() -> None:
    discord = Discord(LimitSettings(invalid_limit=3, invalid_ban_seconds=60))
    assert [discord.call("POST", discord.url() + "x", HI).status for _ in range(3)] == [401] * 3
    answer = discord.post(HI)
    assert (answer.status, answer.body) == (429, b"error code: 1015")
    assert BUCKET.isdisjoint(answer.headers)
    assert {"Via", "Retry-After"}.isdisjoint(answer.headers)
    discord.now += 60
    assert discord.post(HI).status == 200


def test_a_shared_429_does_not_count_as_invalid() -> None:
    discord = Discord(LimitSettings(invalid_limit=2, channel_limit=1))
    assert [discord.post(HI).status for _ in range(5)] == [200] + [429] * 4
    assert discord.post(HI).headers["Via"]
    assert discord.exchange.stats()["invalid"] == 0


@pytest.mark.parametrize(
    ("form", "start"),
    [("text", b"error code: 1015"), ("html", b"<!DOCTYPE"), ("json", b'{"message":"You are being blocked')],
)
def test_each_form_of_a_ban(discord: Discord, form: Any, start: bytes) -> None:
    discord.exchange.edge.ban(30, form, discord.now)
    answer = discord.post(HI)
    assert answer.status == 429
    assert answer.body.startswith(start)
    assert {"Via", "Retry-After", *BUCKET}.isdisjoint(answer.headers)


@pytest.mark.parametrize(
    ("agent", "status"), [("", 403), ("Python-urllib/3.11", 403), ("curl/8", 200), ("DiscordBot (x, 1)", 200)]
)
def test_cloudflare_refuses_some_user_agents(discord: Discord, agent: str, status: int) -> None:
    answer = discord.post(HI, headers={**JSON, "User-Agent": agent})
    assert answer.status == status
    assert (answer.body == b"error code: 1010") == (status == 403)


def test_a_type_that_discord_does_not_read_is_refused(discord: Discord) -> None:
    answer = discord.post(HI, headers={"User-Agent": "x"})
    assert body(answer)["code"] == 50035


def test_without_wait_there_is_no_body_and_with_it_there_is_a_message(discord: Discord) -> None:
    silent = discord.post(HI, query="")
    assert (silent.status, silent.body) == (204, b"")
    message = body(discord.post({**HI, "username": "me", "flags": 4096}))
    assert message["author"]["username"] == "me"
    assert (message["author"]["discriminator"], message["author"]["bot"]) == ("0000", True)
    assert (message["flags"], message["webhook_id"]) == (4096, discord.webhooks[0].id)
    required = "type content mentions mention_roles attachments embeds timestamp edited_timestamp flags components id"
    assert set(f"{required} channel_id author pinned mention_everyone tts".split()) <= set(message)


def test_a_message_is_got_edited_and_deleted_by_its_own_webhook_only(unlimited: Discord) -> None:
    sent = {"content": "a", "embeds": [{"title": "t"}]}
    message = body(unlimited.post(sent))["id"]
    mine, other = unlimited.url(rest=f"/messages/{message}"), unlimited.url(1, rest=f"/messages/{message}")
    for method in ("GET", "PATCH", "DELETE"):
        assert body(unlimited.call(method, other, HI if method == "PATCH" else None))["code"] == 10008
    edited = body(unlimited.call("PATCH", mine, {"content": "b"}))
    assert (edited["content"], edited["embeds"][0]["title"]) == ("b", "t")
    assert edited["edited_timestamp"]
    assert body(unlimited.call("PATCH", mine, {"content": None}))["content"] == ""
    assert body(unlimited.call("PATCH", mine, {"embeds": []}))["code"] == 50006
    assert body(unlimited.call("GET", mine))["embeds"][0]["title"] == "t"
    assert unlimited.call("DELETE", mine).status == 204
    assert body(unlimited.call("GET", mine))["code"] == 10008


def test_an_edit_parses_mentions_anew_with_the_defaults(unlimited: Discord) -> None:
    message = body(unlimited.post({"content": "<@1>", "allowed_mentions": {"parse": []}}))
    assert message["mentions"] == []
    edited = unlimited.call("PATCH", unlimited.url(rest=f"/messages/{message['id']}"), {"content": "<@1>!"})
    assert [user["id"] for user in body(edited)["mentions"]] == ["1"]


def test_a_webhook_is_got_changed_and_deleted_with_its_token(discord: Discord) -> None:
    assert body(discord.call("GET", discord.url()))["channel_id"] == "2000000000000000001"
    assert body(discord.call("PATCH", discord.url(), {"name": "new", "channel_id": "1"}))["name"] == "new"
    assert body(discord.call("GET", discord.url()))["channel_id"] == "2000000000000000001"
    assert discord.call("DELETE", discord.url()).status == 204
    assert body(discord.post(HI))["code"] == 10015


def test_requests_after_a_404_are_counted(discord: Discord) -> None:
    discord.exchange.store.delete_webhook(discord.webhooks[0].id)
    discord.post(HI)
    assert discord.exchange.stats()["after_404"] == 0
    discord.post(HI)
    discord.post(HI, number=1)
    assert discord.exchange.stats()["after_404"] == 1


def test_slack_answers_ok_and_github_nothing(unlimited: Discord) -> None:
    attachment = {"title": "t", "text": "d", "color": "danger", "fields": [{"title": "f", "value": "v", "short": True}]}
    slack = unlimited.call("POST", unlimited.url(rest="/slack"), {"text": "hello", "attachments": [attachment]})
    assert (slack.status, slack.body) == (200, b"ok")
    event = {**JSON, "X-GitHub-Event": "issues"}
    sent = {"action": "opened", "repository": {"full_name": "a/b"}, "sender": {"login": "me"}}
    assert unlimited.call("POST", unlimited.url(rest="/github"), sent, headers=event).status == 204
    ping = {**JSON, "X-GitHub-Event": "ping"}
    assert unlimited.call("POST", unlimited.url(rest="/github"), sent, headers=ping).status == 204
    first, second = unlimited.exchange.store.messages.values()
    assert first.shown["embeds"][0]["fields"] == [{"name": "f", "value": "v", "inline": True}]
    assert second.shown["embeds"][0]["title"] == "[a/b] issues opened"
