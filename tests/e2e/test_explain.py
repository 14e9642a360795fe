"""``notifier explain`` prints the steps of one alert in order, with times and reasons."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.errors import NotificationNotFound
from notifier.models import NotificationMessage
from notifier.pipeline import Pipeline
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.forked import run_notifier
from tests.no_secrets import assert_no_secrets

GENERAL = "1000000000000000001"
Explain = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def explained(configured: dict[str, str], tmp_path: Path) -> Explain:
    """Runs the command."""

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        done = run_notifier("explain", *arguments, env=configured, cwd=tmp_path)
        assert_no_secrets(texts={"output": done.stdout + done.stderr})
        return done

    return run


@pytest.mark.slow
def test_an_alert_is_explained_from_its_admission_to_its_link(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, explained: Explain
) -> None:
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="status", status=503, times=1)
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="rate_limit", seconds=0.5, times=1)
    ids = application.raise_alerts("first", "second", "third")
    start_worker(DISCORD_RETRY_BACKOFF_SECONDS="0.2")
    record, *_ = application.wait(ids)
    found = json.loads(explained(ids[0], "--json").stdout)
    assert (found["status"], found["record"]) == ("delivered", record)
    story = found["steps"]
    told = [step["what"] for step in story]
    assert told[0] == 'admitted as general: "first"'
    assert told[1] == "carried with 2 others"
    assert any(step.startswith("bad gateway (HTTP 503); again in ") for step in told)
    assert any(step.startswith("rate limited; again") for step in told)
    assert any(step.startswith("had waited ") and step.endswith(": rate limited") for step in told)
    assert told[-1] == f"delivered: {record['link']}"
    assert [step["at"] for step in story] == sorted(step["at"] for step in story)
    assert story[0]["at"][:23] == record["admitted_at"][:23]
    assert f"delivered: {record['link']}" in explained(ids[0]).stdout


def test_one_that_waits_is_explained_by_what_it_waits_for(application: Application) -> None:
    (waiting,) = application.raise_alerts("nobody comes")
    assert application.pipeline.explain(waiting)[-1].what.endswith("no worker has come for it")


def test_one_that_was_folded_is_explained_so(application: Application) -> None:
    small = Pipeline(application.app, application.pipeline.settings.model_copy(update={"queue_size": 1}))
    small.client.submit(NotificationMessage(title="fits"))
    small.client.submit(NotificationMessage(id="folded", title="does not"))
    told = [step.what for step in small.explain("folded")]
    digest = (small.records.get("folded") or {})["digest"]
    assert told == ['met a full outbox as general: "does not"', f"folded into a digest: {digest}, which waits for room"]
    small.redis.close()


def test_an_unknown_id_is_a_clear_error(application: Application, explained: Explain) -> None:
    with pytest.raises(NotificationNotFound, match="'nobody'"):
        application.pipeline.explain("nobody")
    done = explained("nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert "no alert has the id 'nobody'" in done.stderr
