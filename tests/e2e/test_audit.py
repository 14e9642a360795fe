"""No version in ``uv.lock`` has a known vulnerability, as pip-audit finds it where its advisories can be reached."""

import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import ROOT, uv

pytestmark = pytest.mark.slow
PIP_AUDIT = "pip-audit>=2.9,<3"
ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern us, each with the reason."""
ADVISORY = {
    "id": "GHSA-fake-fake-fake",
    "summary": "fake",
    "affected": [
        {
            "package": {"name": "requests", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        }
    ],
}


class Unreachable(Exception):
    """Nothing could be audited; says why."""


def audit(requirements: Path, *options: str) -> list[str]:
    """Run pip-audit over a file of pinned requirements.

    Returns:
        Each known vulnerability, and each version that alone could not be audited.

    Raises:
        Unreachable: pip-audit or its advisories cannot be reached from here.
    """
    command = [uv(), "tool", "run", "--quiet", "--from", PIP_AUDIT, "pip-audit", "--format", "json"]
    ignored = [f"--ignore-vuln={name}" for name in ACCEPTED]
    offline = ["--disable-pip", "--requirement", str(requirements), "--progress-spinner", "off", "--timeout", "10"]
    done = subprocess.run(
        [*command, *ignored, *offline, "--cache-dir", str(requirements.parent / "cache"), *options],
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except ValueError:
        raise Unreachable((done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]) from None
    return findings(found)


def findings(found: list[dict[str, Any]]) -> list[str]:
    """As ``audit``, of its report."""
    left_out = [each for each in found if "skip_reason" in each]
    if left_out and len(left_out) == len(found):
        raise Unreachable(left_out[0]["skip_reason"])
    known = [f"{each['name']}: {vuln['id']}" for each in found for vuln in each.get("vulns", [])]
    return known + [f"{each['name']}: {each['skip_reason']}" for each in left_out]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an installation with every extra gets."""
    file = tmp_path_factory.mktemp("audit") / "requirements.txt"
    export = [uv(), "export", "--project", str(ROOT), "--locked", "--all-extras", "--no-dev", "--no-emit-project"]
    subprocess.run([*export, "--output-file", str(file)], check=True, capture_output=True, timeout=60)
    assert "celery==" in file.read_text()
    return file


def test_no_version_in_the_lock_file_has_a_known_vulnerability(locked: Path) -> None:
    try:
        assert audit(locked) == []
    except Unreachable as why:
        pytest.skip(f"nothing can be audited from here ({why}): run this test where https://pypi.org/pypi answers")


class Advisories(BaseHTTPRequestHandler):
    """An advisory service that knows one vulnerability, of any version of requests."""

    def do_POST(self) -> None:
        """Answer as OSV does."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = asked["package"]["name"] == "requests"
        body = json.dumps({"vulns": [ADVISORY]} if known else {}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def advisories() -> Iterator[str]:
    """Its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_known_vulnerability_is_found(locked: Path, advisories: str) -> None:
    service = ("--vulnerability-service", "osv", "--osv-url", advisories)
    try:
        assert audit(locked, *service) == ["requests: GHSA-fake-fake-fake"]
    except Unreachable as why:
        pytest.skip(f"pip-audit cannot be run here: {why}")


def test_a_service_that_does_not_answer_is_not_taken_for_a_clean_one(locked: Path) -> None:
    with pytest.raises(Unreachable):
        audit(locked, "--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:1/v1/query")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([{"name": "b", "vulns": []}], ["a: not found"]),
        ([{"name": "b", "vulns": [{"id": "X"}]}], ["b: X", "a: not found"]),
    ],
)
def test_one_version_that_was_left_out_is_a_finding(more: list[dict[str, Any]], said: list[str]) -> None:
    assert findings([{"name": "a", "skip_reason": "not found"}, *more]) == said


def test_a_report_in_which_all_were_left_out_says_nothing() -> None:
    with pytest.raises(Unreachable, match="not found"):
        findings([{"name": "a", "skip_reason": "not found"}])
