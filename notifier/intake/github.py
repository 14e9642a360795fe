"""GitHub Actions: what a webhook of a repository or an organisation posts of ``workflow_run``.

(GitHub docs, Webhook events and payloads, workflow_run.)
"""

from typing import Any

from notifier.errors import InvalidMessage
from notifier.intake.given_body import Fields, Taken, details, incident, mapping, text

FINE = ("success",)
NO_NEWS = ("", "neutral", "skipped", "stale")
MILD = ("cancelled", "action_required")


def github(body: Any) -> list[Taken]:
    """A workflow that fails on a branch is one incident, which its next success there ends. Other events are none."""
    event = mapping(body, "body")
    run = mapping(event.get("workflow_run") or {}, "workflow_run")
    repository = mapping(event.get("repository") or {}, "repository")
    conclusion = text(run.get("conclusion"))
    if not run and not repository and "zen" not in event and not event.get("action"):
        raise InvalidMessage("body: expected what a webhook of GitHub's posts")
    if event.get("action") != "completed" or conclusion in NO_NEWS:
        return []
    workflow = mapping(event.get("workflow") or {}, "workflow")
    name = text(run.get("name")) or text(workflow.get("name")) or "A workflow"
    own = text(repository.get("full_name"))
    branch = text(run.get("head_branch"))
    if (fork := mapping(run.get("head_repository") or {}, "workflow_run.head_repository").get("full_name")) not in (
        None,
        own,
    ):
        branch = f"{text(fork)}:{branch}"
    values = {
        "Branch": branch,
        "Event": run.get("event"),
        "By": mapping(run.get("actor") or {}, "workflow_run.actor").get("login"),
        "Commit": text(run.get("head_sha"))[:12],
        "Attempt": run.get("run_attempt"),
    }
    commit = mapping(run.get("head_commit") or {}, "workflow_run.head_commit")
    fields: Fields = {
        "title": f"{name} #{text(run.get('run_number'))}: {conclusion.replace('_', ' ')}",
        "message": text(run.get("display_title")) or text(commit.get("message")),
        "severity": "info" if conclusion in FINE else "warning" if conclusion in MILD else "error",
        "url": text(run.get("html_url")),
        "timestamp": text(run.get("updated_at")),
        "fields": details(values),
        "source": own,
        "markdown": False,
        "resolved": conclusion in FINE,
        **incident("github", own, text(run.get("workflow_id")) or text(workflow.get("id")) or name, branch),
    }
    return [Taken(fields, "error", f"{text(run.get('id'))} {text(run.get('run_attempt'))} {conclusion}")]
