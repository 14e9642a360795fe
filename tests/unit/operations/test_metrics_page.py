"""The page on metrics, the dashboard and the rules name what is exposed, and nothing else."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from notifier.operations.metrics import METRICS

CHECKOUT = Path(__file__).parents[3]
PAGE = CHECKOUT / "docs" / "metrics.md"
PROMETHEUS = CHECKOUT / "deploy" / "prometheus"
DASHBOARD = CHECKOUT / "deploy" / "grafana" / "notifier.json"
NAME = re.compile(r"\bnotifier_\w+")
OF_A_HISTOGRAM = ("_bucket", "_sum", "_count")
EXPOSED = {
    name
    for each in METRICS
    for name in ([each.sample + part for part in OF_A_HISTOGRAM] if each.kind == "histogram" else [each.sample])
}


def test_the_table_lists_each_metric_with_its_labels() -> None:
    rows = re.findall(r"^\| `(notifier_\w+)` \| (\w+) \| (.*?) \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    assert rows == [
        (each.sample, each.kind, ", ".join(f"`{label}`" for label in each.labels), each.help) for each in METRICS
    ]


def test_names_are_as_prometheus_wants_them() -> None:
    for each in METRICS:
        assert re.fullmatch(r"notifier_[a-z_]+", each.name)
        assert not each.name.endswith(("_total", *OF_A_HISTOGRAM)), each.name
        assert each.help.endswith(".") or each.name == "notifier_build_info", each.name


def expressions() -> dict[str, str]:
    """What the dashboard and the rules ask for, by where that stands."""
    panels: list[dict[str, Any]] = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = {f"{each['title']} {target['refId']}": target["expr"] for each in panels for target in each["targets"]}
    rules = (PROMETHEUS / "rules.yaml").read_text(encoding="utf-8")
    found = re.findall(r"alert: (\w+)\n\s+expr: (?:>-\n\s+)?(.*)", rules)
    assert len(found) == rules.count("- alert:")
    return asked | dict(found)


@pytest.mark.parametrize("where", expressions())
def test_the_dashboard_and_the_rules_ask_for_what_is_exposed(where: str) -> None:
    asked = set(NAME.findall(expressions()[where]))
    assert asked
    assert asked <= EXPOSED


def test_the_dashboard_shows_what_is_exposed() -> None:
    shown = {name for text in expressions().values() for name in NAME.findall(text)}
    unseen = {each.sample for each in METRICS if not any(name.startswith(each.sample) for name in shown)}
    assert unseen == set()


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Prometheus' own checker."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    return subprocess.run([found, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "arguments",
    ["check rules rules.yaml", "test rules rules_test.yaml", "check config --syntax-only prometheus.yaml"],
)
def test_prometheus_takes_the_rules_and_each_of_them_fires_when_it_should(arguments: str) -> None:
    done = promtool(*arguments.split())
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_is_tested() -> None:
    tested = (PROMETHEUS / "rules_test.yaml").read_text(encoding="utf-8")
    for name in re.findall(r"alert: (\w+)", (PROMETHEUS / "rules.yaml").read_text(encoding="utf-8")):
        assert name in tested
