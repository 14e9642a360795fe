"""The beginning of an id is enough, and a shell completes what is in Redis."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from notifier.cli import completion, main
from notifier.cli.completion import SHELLS
from notifier.errors import NotificationNotFound
from notifier.jobs.terms import JobTerms
from notifier.operations.short_ids import of_all, of_dead_letters, of_waiting, whole_id
from notifier.outcome import Reason, Rejected
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.broker import create_app
from tests.integration.conftest import Bench
from tests.names import names
from tests.servers import free_port

DEAD, WAITS, ALIKE = (f"5f0c7c1{last}-6d1f-4f0e-9a55-0f6f3c1a2b3c" for last in "abb")
ALIKE = ALIKE.replace("6d1f", "7d1f")


@pytest.fixture
def planted(bench: Bench) -> Bench:
    """A dead letter, two alerts that wait, and an incident."""
    bench.admit("before")
    bench.open_gate()
    bench.admit(DEAD)
    bench.commit(bench.batch(), Rejected(Reason.INVALID_MESSAGE, "too long"))
    bench.admit(WAITS, ALIKE, "deploy-41")
    bench.admit("incident", dedup_key="disk/db1")
    bench.admit("other incident", dedup_key="a key of words")
    return bench


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("5f0c7c1a", DEAD),
        (DEAD, DEAD),
        (WAITS[:10], WAITS),
        ("depl", "deploy-41"),
        ("dep", "dep"),
        ("nope", "nope"),
        ("5f0c*", "5f0c*"),
    ],
)
def test_the_beginning_of_one_id_is_that_id(planted: Bench, given: str, found: str) -> None:
    assert whole_id(planted.redis, of_all(planted.redis, names), given) == found


def test_where_several_begin_so_they_are_named(planted: Bench) -> None:
    with pytest.raises(NotificationNotFound, match=f"2 ids begin with '5f0c7c1b': {WAITS}, {ALIKE}"):
        whole_id(planted.redis, of_all(planted.redis, names), "5f0c7c1b")
    assert whole_id(planted.redis, of_dead_letters(planted.redis, names), "5f0c") == DEAD, "no other is a dead letter"
    assert whole_id(planted.redis, of_waiting(planted.redis, names), "5f0c7c1a") == "5f0c7c1a"


def test_an_id_that_others_begin_with_is_that_id(planted: Bench) -> None:
    planted.admit("deploy-4")
    assert whole_id(planted.redis, of_all(planted.redis, names), "deploy-4") == "deploy-4"


@pytest.fixture
def here(planted: Bench, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """The pipeline and the settings of this process."""
    app = create_app("short-ids")
    app.conf.update(broker_url=redis_url, result_backend=redis_url)
    pipeline = Pipeline(app, Settings.load())
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: pipeline)
    monkeypatch.setattr("notifier.settings.settings", lambda: pipeline.settings)
    monkeypatch.setattr(completion, "TIMEOUT_SECONDS", 60)
    yield pipeline
    pipeline.redis.close()


Answer = Callable[..., str]


@pytest.fixture
def answer(here: Pipeline, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs a command; what it prints."""

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit):
            main(list(arguments))
        return capsys.readouterr().out

    return run


def test_each_command_that_takes_an_id_takes_its_beginning(answer: Answer) -> None:
    assert DEAD in answer("explain", "5f0c7c1a")
    assert json.loads(answer("dead", "show", "5f0c", "--json"))["id"] == DEAD
    assert json.loads(answer("withdraw", WAITS[:10], "--json")) == {WAITS: "withdrawn"}
    assert json.loads(answer("dead", "drop", "5f0c", DEAD, "--json"))["dropped"] == [DEAD]


def completed(*words: str) -> list[str]:
    return [
        each.value for each in BashComplete(main, {}, "notifier", "_X").get_completions(list(words[:-1]), words[-1])
    ]


def test_what_a_shell_completes(here: Pipeline) -> None:
    here.jobs.started("import", "run", JobTerms.of())
    silence = here.silences.add({"title": "x*"}, 60)
    assert completed("wai") == ["waiting"]
    assert completed("dead", "re") == ["replay"]
    assert completed("history", "--sta") == ["--status"]
    assert completed("history", "--status", "fai") == ["failed"]
    assert completed("history", "--type", "mo") == ["monitoring"]
    assert completed("send", "sec") == ["security"]
    assert completed("send", "-t", "dep") == completed("preview", "dep") == ["deployment"]
    assert completed("templates", "show", "dep") == ["deployment"]
    assert completed("gate", "reset", "ed") == ["edge"]
    for command in ("show", "replay", "drop"):
        assert completed("dead", command, "5f") == [DEAD]
    assert completed("explain", "5f0c7c1a") == [DEAD]
    assert set(completed("withdraw", "5f")) == {WAITS, ALIKE}
    assert completed("ack", "") == ["disk/db1"], "a shell would take a key of words for several"
    assert completed("silence", "end", "") == [silence.id]
    assert completed("job", "forget", "im") == ["import"]


def test_redis_away_completes_nothing_and_says_nothing(
    here: Pipeline, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    away = Settings.load()
    monkeypatch.setattr("notifier.settings.settings", lambda: away)
    assert completed("dead", "show", "") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(answer: Answer, shell: str) -> None:
    assert f"_NOTIFIER_COMPLETE={shell}_complete" in answer("completion", shell)


@pytest.mark.slow
def test_a_real_bash_completes(planted: Bench, redis_url: str, tmp_path: Path) -> None:
    script = """
        source <(notifier completion bash)
        complete -p notifier
        COMP_WORDS=(notifier dead show 5f) COMP_CWORD=3
        until [ -n "$COMPREPLY" ]; do _notifier_completion notifier; done  # a loaded machine may be late for it
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "REDIS_URL": redis_url},
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["complete -o nosort -F _notifier_completion notifier", DEAD]
    assert done.stderr == ""
