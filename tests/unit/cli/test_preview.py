"""A preview shows what a delivery would post, and where, and sends nothing."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from notifier.attached import BYTES_MAX
from notifier.cli import main
from notifier.cli.given_message import given_message
from notifier.models import NotificationMessage
from notifier.producer.client import Client
from notifier.render.batch import SUPPRESS_NOTIFICATIONS, compose
from notifier.settings import settings
from notifier.texts import CHARACTERS_MAX

Run = Callable[..., Result]
HOUR = timedelta(hours=1)
SECRET = "ghp_" + "fakefakefakefakefakefakefakefakefake"[:36]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs a command in a folder of its own. Whatever would be submitted fails the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Client, "submit", lambda *_, **__: pytest.fail("it was sent"))

    def run(*arguments: str, stdin: bytes = b"", **environment: str) -> Result:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings.cache_clear()
        try:
            return CliRunner().invoke(main, arguments, input=stdin)
        finally:
            settings.cache_clear()

    return run


def found(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_it_is_the_payload_of_a_delivery_with_route_and_sizes(run: Run) -> None:
    shown = found(
        run(
            *("send", "error", "Disk full", "/var is full", "--field", "Used=97 %", "--dry-run", "--json"),
            DISCORD_WEBHOOK_ERRORS="https://discord.com/api/webhooks/123456789/fake-token?thread_id=77",
        )
    )
    (part,) = shown["parts"]
    wanted = compose(
        [NotificationMessage(alert_type="error", title="Disk full", message="/var is full", fields={"Used": "97 %"})]
    )
    timestamp = part["payload"]["embeds"][0]["timestamp"]
    wanted.body["embeds"][0]["timestamp"] = timestamp
    assert part["payload"] == wanted.body
    assert {"part": "embeds.0.title", "size": 9, "limit": 256, "unit": "characters"} in part["sizes"]
    assert (shown["task"], shown["queue"]) == ("send_notification.error", "notifications.error")
    assert shown["webhook"] == {"variable": "DISCORD_WEBHOOK_ERRORS", "id": "123456789"}
    assert shown["thread_id"] == "77"
    assert (shown["masked"], shown["adjusted"], shown["left_out"], shown["mentions"]) == ([], [], [], [])


def test_it_tells_what_is_masked_adjusted_left_out_and_pinged(run: Run) -> None:
    result = run(
        *(
            "send",
            "critical",
            f"token {SECRET}",
            "--mention",
            "<@5>",
            "--color",
            "nope",
            "--url",
            "http://grafana:3000/d",
        ),
        *("--dry-run", "--json"),
        DISCORD_MENTION_CRITICAL="@here",
    )
    shown = found(result)
    assert SECRET not in result.output
    assert shown["masked"] == ["GitHub token"]
    assert shown["adjusted"] == ["color: left out: no colour"]
    assert shown["left_out"] == ["url"]
    assert shown["mentions"] == ["<@5>", "@here"]
    payload = shown["parts"][0]["payload"]
    assert payload["content"] == "<@5> @here"
    assert payload["allowed_mentions"] == {"parse": ["everyone"], "users": ["5"]}


def test_a_split_text_is_shown_in_its_parts_and_its_type_is_pinged_by_the_first_alone(run: Run) -> None:
    environment = {"DISCORD_LONG_TEXT_GENERAL": "split", "DISCORD_MENTION_GENERAL": "@here"}
    shown = found(run("send", "general", "Long", "-", "--dry-run", "--json", stdin=b"line\n" * 2_000, **environment))
    titles = [part["payload"]["embeds"][0]["title"] for part in shown["parts"]]
    assert titles == ["Long (1/3)", "Long (2/3)", "Long (3/3)"]
    assert [part["payload"].get("content", "") for part in shown["parts"]] == ["@here", "", ""]


def test_an_attached_text_is_told_as_a_file(run: Run) -> None:
    shown = found(run("send", "general", "Long", "-", "--dry-run", "--json", stdin=b"line\n" * 2_000))
    (file,) = shown["parts"][0]["files"]
    assert (file["content_type"], file["bytes"] > 9_000) == ("text/plain; charset=utf-8", True)


def test_on_a_terminal_it_is_drawn_and_everything_is_said_in_words(run: Run) -> None:
    said = run(
        *("send", "error", "Disk `full`", "a_b *c*", "--plain", "--thread", "99", "--dry-run"),
        DISCORD_MENTION_ERROR="role:123",
    ).output
    for line in ("Disk `full`", "a_b *c*", "embeds.0.title", "pings: <@&123>", "thread 99", "not set here"):
        assert line in said


def test_a_template_is_shown_with_its_own_example_or_with_variables(run: Run) -> None:
    title = found(run("preview", "service_error", "--json"))["parts"][0]["payload"]["embeds"][0]["title"]
    assert title == "Import: Database timeout"
    variables = ("--var", "service=Shop", "--set", "error=Boom")
    title = found(run("preview", "service_error", *variables, "--json"))["parts"][0]["payload"]["embeds"][0]["title"]
    assert title == "Shop: Boom"


def test_a_message_of_json_is_shown(run: Run, tmp_path: Path) -> None:
    body = json.dumps({"alert_type": "security", "title": "Login", "fields": {"IP": "::1"}, "poll": {"question": "?"}})
    (tmp_path / "alert.json").write_text(body)
    of_file = found(run("preview", "--from-json", "alert.json", "--json"))
    of_stdin = found(run("preview", "--from-json", "-", "--json", stdin=body.encode()))
    for shown in (of_file, of_stdin):
        assert shown["alert_type"] == "security"
        assert shown["adjusted"] == ["poll: no answers: it stands in the text"]
    of_template = {"template": "service_error", "context": {"service": "S", "error": "E"}}
    for more, title in (((), "S: E"), (("--var", "error=V"), "S: V")):
        shown = found(run("preview", "--from-json", "-", "--json", *more, stdin=json.dumps(of_template).encode()))
        assert shown["parts"][0]["payload"]["embeds"][0]["title"] == title


def test_a_post_goes_into_no_thread_of_the_webhooks_url(run: Run) -> None:
    url = {"DISCORD_WEBHOOK_ERRORS": "https://discord.com/api/webhooks/123456789/fake-token?thread_id=77"}
    for thread, wanted in (((), "77"), (("--thread", "78"), "78"), (("--thread", "New post"), None)):
        assert found(run("send", "error", "x", *thread, "--dry-run", "--json", **url))["thread_id"] == wanted


def test_on_a_terminal_it_says_how_it_arrives_and_where(run: Run) -> None:
    given = {
        "title": "Deploy",
        "message": "Embedded",
        "silent": True,
        "tts": True,
        "thread_name": "Post",
        "applied_tags": [5],
    }
    said = run("preview", "--from-json", "-", stdin=json.dumps(given).encode()).output
    for line in ("new post: Post (tags 5)", "silent: nobody is notified", "read aloud"):
        assert line in said
    plain = {"title": "Only once", "suppress_embeds": True}
    assert run("preview", "--from-json", "-", stdin=json.dumps(plain).encode()).output.count("Only once") == 1


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (["preview"], b"", "give the name of a TEMPLATE, or --from-json FILE"),
        (["preview", "nope"], b"", "no template 'nope'"),
        (["send", "-t", "nope", "--set", "a=b"], b"", "tracklist_generated [template_error]"),
        (["preview", "service_error", "--var", "service=x"], b"", "'error' is missing"),
        (["preview", "--from-json", "nope.json"], b"", "nope.json: No such file"),
        (["preview", "--from-json", "-"], b"{", "not JSON"),
        (
            ["preview", "--from-json", "-"],
            b"[]",
            "expected a JSON object with the fields of a message [invalid_message]",
        ),
        (
            ["preview", "--from-json", "-"],
            b'{"titel": 1}',
            "titel: not a field of a NotificationMessage; title? [invalid_message]",
        ),
        (["preview", "--from-json", "-", "--field", "a=b"], b"{}", "no options but --var"),
        (["preview", "--from-json", "-", "--var", "a=b"], b"{}", "- names none"),
        (
            ["preview", "--from-json", "-", "--var", "a=b"],
            b'{"template": "backup", "context": 5}',
            "context: expected a",
        ),
        (["send", "error", "x", "y", "-m", "z"], b"", "give one of them"),
        (["send", "error", "x", "--open"], b"", "--open needs --dry-run"),
        (["send", "error", "x", "--set", "a=b"], b"", "--set gives a variable of a template: name one"),
        (["send", "error", "-", "x"], b"", "TITLE: '-' reads all of the alert from standard input"),
        (["preview", "--from-json", "-"], b'{"title": "' + b"x" * CHARACTERS_MAX + b'"}', "standard input: more than"),
    ],
)
def test_what_cannot_be_shown_is_told_and_nothing_is_sent(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    stdin: bytes,
    said: str,
) -> None:
    result = run(*arguments, stdin=stdin)
    assert result.exit_code in (1, 2)
    assert said in " ".join(result.output.split())


def test_a_programs_output_is_plain_text_unless_it_is_said_to_be_markdown(run: Run) -> None:
    def description(*more: str) -> str:
        shown = found(run("send", "error", "x", "-", "--dry-run", "--json", *more, stdin=b"__init__ *\xff*"))
        return str(shown["parts"][0]["payload"]["embeds"][0]["description"])

    assert description() == r"\_\_init\_\_ \*�\*"
    assert description("--markdown") == "__init__ *�*"


def test_what_cannot_be_read_costs_no_alert(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"log")
    (tmp_path / "large").write_bytes(b"x" * (BYTES_MAX + 1))
    arguments = ("--file", "nope.txt", "--file", "a.log", "--file", "large", "--image", ".", "--thumbnail", "no.png")
    result = run("send", "error", "x", *arguments, "--dry-run")
    told = [
        "file: left out: nope.txt: No such file or directory",
        f"file: left out: large: more than {BYTES_MAX} bytes",
        "image: left out: .: Is a directory",
        "thumbnail: left out: no.png: No such file or directory",
    ]
    assert result.exit_code == 0
    assert "\n".join(told) in result.output
    assert f"adjusted: {'; '.join(told)}" in result.output
    assert "file: a.log (3 bytes)" in result.output


def test_an_empty_title_is_the_first_line_of_the_text(run: Run) -> None:
    shown = found(run("send", "error", "", "-", "--dry-run", "--json", stdin=b"first\nsecond"))
    embed = shown["parts"][0]["payload"]["embeds"][0]
    assert (embed["title"], embed["description"]) == ("first", "second")


def test_a_daemon_without_standard_input_sends_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it if it is closed
    assert given_message({"alert_type": "error", "title": "T", "message": "-"}).message == ""


def test_files_pictures_and_a_post_are_taken_from_options(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"log")
    (tmp_path / "shot.png").write_bytes(b"\x89PNG")
    arguments = ("--file", "a.log", "--image", "shot.png", "--thumbnail", "https://example.com/t.png")
    more = ("--author", "Farm", "--thread", "New post", "--silent")
    shown = found(run("send", "error", "x", *arguments, *more, "--dry-run", "--json"))
    payload, embed = shown["parts"][0]["payload"], shown["parts"][0]["payload"]["embeds"][0]
    assert [(each["name"], each["bytes"]) for each in shown["parts"][0]["files"]] == [("a.log", 3), ("shot.png", 4)]
    assert embed["image"] == {"url": "attachment://shot.png"}
    assert embed["thumbnail"] == {"url": "https://example.com/t.png"}
    assert embed["author"] == {"name": "Farm"}
    assert (payload["thread_name"], payload["flags"]) == ("New post", 1 << 12)


def test_an_alert_without_a_title_has_the_first_line_of_its_message(run: Run) -> None:
    for arguments, stdin in (
        (["-m", "__init__\nsecond"], b""),
        (["-"], b"__init__\nsecond"),
        (["-m", "-"], b"__init__\nsecond"),
    ):
        shown = found(run("send", "error", *arguments, "--dry-run", "--json", stdin=stdin))
        embed = shown["parts"][0]["payload"]["embeds"][0]
        assert embed["title"] == (r"\_\_init\_\_" if stdin else "__init__"), "a program's output is no Markdown"
        assert embed["description"] == "second"


def test_it_says_until_when_its_type_is_quiet_and_shows_what_is_posted_then(run: Run) -> None:
    environment = {"DISCORD_QUIET_HOURS": "00:00-24:00 UTC", "DISCORD_MENTION_ERROR": "role:123"}
    quiet = found(run("send", "error", "Disk full", "--dry-run", "--json", **environment))
    assert quiet["quiet_hours"] == "without sound always"
    (part,) = quiet["parts"]
    assert part["payload"]["flags"] == SUPPRESS_NOTIFICATIONS
    assert quiet["mentions"] == []
    assert "quiet hours: without sound always" in run("send", "error", "Disk full", "--dry-run", **environment).output
    now = datetime.now(UTC)
    night = {"DISCORD_QUIET_HOURS": f"{now - HOUR:%H:%M}-{now + HOUR:%H:%M} UTC hold"}
    held = found(run("send", "error", "Disk full", "--dry-run", "--json", **night))
    assert held["quiet_hours"].startswith("held until ")
    assert "flags" not in held["parts"][0]["payload"]
    heard = found(run("send", "critical", "Disk full", "--dry-run", "--json", **environment))
    assert heard["quiet_hours"] == ""
    assert "flags" not in heard["parts"][0]["payload"]
