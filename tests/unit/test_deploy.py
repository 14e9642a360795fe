"""What ``deploy/`` holds for Kubernetes and systemd fits the program: its settings, its commands, its image."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml
from celery.bin.worker import worker as celery_worker
from dotenv import dotenv_values

from notifier.cli import main
from notifier.operations.metrics import METRICS
from notifier.pulse import STALE_SECONDS
from notifier.routing import ROUTES
from notifier.settings import Settings

ROOT = Path(__file__).parents[2]
BASE, KEDA = ROOT / "deploy/kubernetes/base", ROOT / "deploy/kubernetes/keda"
UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
SETTINGS = dotenv_values(BASE / "settings.env")
SECRETS = dotenv_values(BASE / "secrets.env.example")
RESOURCES: list[dict[str, Any]] = [
    each for path in sorted(BASE.glob("*.yaml")) for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
OBJECTS = [each for each in RESOURCES if each["kind"] != "Kustomization"]
PODS = {each["metadata"]["name"]: each["spec"]["template"] for each in OBJECTS if "template" in each.get("spec", {})}
CONTAINERS = [container for pod in PODS.values() for container in pod["spec"]["containers"]]
IN_FLIGHT_SECONDS = 2 * Settings.model_fields["timeout_seconds"].default
"""A look-up of the webhook, and a post."""


def parse(words: list[str]) -> None:
    """Parse a command of ours, or a worker's. Raises: UsageError for what it would refuse."""
    program, *rest = words
    if program == "notifier":
        command = main.get_command(click.Context(main), rest[0])
        assert command is not None, words
        command.make_parser(click.Context(command)).parse_args(rest[1:])
        return
    assert program == "celery"
    assert rest[:1] == ["-A"]
    assert rest[1] in ("tasks", "notifier")
    assert rest[2] == "worker"
    # Celery's own context has the application, which some options ask
    options, *_ = celery_worker.make_parser(click.Context(celery_worker)).parse_args(rest[3:])
    assert set((options.get("queues") or "").split(",")) <= {"", *(route.queue for route in ROUTES.values())}


@pytest.mark.parametrize("resource", OBJECTS, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_each_resource_is_one_that_kubernetes_takes(resource: dict[str, Any]) -> None:
    kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


def test_the_kustomization_names_each_file_and_the_image() -> None:
    (kustomization,) = (each for each in RESOURCES if each["kind"] == "Kustomization")
    assert {*kustomization["resources"], "kustomization.yaml"} == {path.name for path in BASE.glob("*.yaml")}
    assert {each["image"] for each in CONTAINERS} == {"redis:7", *(each["name"] for each in kustomization["images"])}


@pytest.mark.parametrize("folder", [BASE, KEDA], ids=lambda each: each.name)
def test_kustomize_builds_it(folder: Path, tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("needs kubectl (kubernetes.io/docs/tasks/tools)")
    shutil.copytree(ROOT / "deploy/kubernetes", tmp_path / "kubernetes", ignore=shutil.ignore_patterns("secrets.env"))
    command = [kubectl, "kustomize", str(tmp_path / "kubernetes" / folder.name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "secrets.env" in done.stderr, "who has not copied it is told so"
    shutil.copy(BASE / "secrets.env.example", tmp_path / "kubernetes/base/secrets.env")
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(OBJECTS) + 2 + (folder == KEDA)
    named = {each["metadata"]["name"] for each in built if each["kind"] in ("Secret", "ConfigMap")}
    used = set(re.findall(r"notifier-(?:settings|secrets)[\w-]*", done.stdout))
    assert used == named, "the settings are those of this very build"
    if kubeconform := shutil.which("kubeconform"):
        schemas = ["-strict", "-ignore-missing-schemas", "-"]
        subprocess.run([kubeconform, *schemas], input=done.stdout, text=True, check=True, timeout=60)


def test_every_variable_is_a_setting_and_every_secret_has_its_file() -> None:
    assert set(SETTINGS) <= set(Settings.spellings())
    files = {Path(str(value)) for name, value in SETTINGS.items() if name.endswith("_FILE")}
    assert {str(file.parent) for file in files} == {"/run/notifier"}
    assert {file.name for file in files} == set(SECRETS)
    assert {f"{route.webhook_variables[0]}_FILE" for route in ROUTES.values()} <= set(SETTINGS)
    writable = str(Path(str(SETTINGS["NOTIFIER_RUN_DIR"])).parent)
    for container in (each for each in CONTAINERS if each["image"] == "notifier"):
        assert {"/run/notifier", "/app/logs", writable} <= {each["mountPath"] for each in container["volumeMounts"]}


def test_every_command_and_probe_is_one_of_ours() -> None:
    ours = [each for each in CONTAINERS if each["image"] == "notifier"]
    assert len(ours) == 3
    for container in ours:
        parse(container["args"])
        for probe in ("livenessProbe", "readinessProbe"):
            if "exec" in container[probe]:
                parse(container[probe]["exec"]["command"])
            else:
                (port,) = container["ports"]
                assert container[probe]["httpGet"]["port"] == port["name"]
                assert str(port["containerPort"]) in container["args"]


def test_every_selector_finds_its_pods_and_every_worker_has_a_budget() -> None:
    selectors = [
        (each["kind"], each["spec"]["selector"].get("matchLabels", each["spec"]["selector"]), each["metadata"]["name"])
        for each in OBJECTS
    ]
    for kind, selector, name in selectors:
        assert selector.items() <= PODS[name]["metadata"]["labels"].items(), (kind, name)
    budgets = {name for kind, _, name in selectors if kind == "PodDisruptionBudget"}
    workers = {name for name, pod in PODS.items() if "worker" in pod["spec"]["containers"][0].get("args", [])}
    assert budgets == workers == {"notifier-worker", "notifier-critical"}
    assert {PODS[name]["spec"]["terminationGracePeriodSeconds"] > IN_FLIGHT_SECONDS for name in workers} == {True}
    (host,) = re.findall(r"//([\w-]+):6379", str(SETTINGS["REDIS_URL"]))
    assert ("Service", PODS[host]["metadata"]["labels"], host) in selectors


def test_the_pods_are_the_images_user_and_may_change_nothing() -> None:
    (uid,) = re.findall(r"--uid (\d+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    for pod in PODS.values():
        (container,) = pod["spec"]["containers"]
        context = container["securityContext"]
        assert pod["spec"]["securityContext"]["runAsUser"] == (999 if container["image"] == "redis:7" else int(uid))
        assert (context["readOnlyRootFilesystem"], context["capabilities"]) == (True, {"drop": ["ALL"]})
        assert pod["spec"]["enableServiceLinks"] is False, "NOTIFIER_WEB_PORT would look like a setting"


def test_the_autoscaler_asks_for_a_metric_that_there_is_and_scales_what_there_is() -> None:
    (scaled,) = yaml.safe_load_all((KEDA / "scaled_object.yaml").read_text(encoding="utf-8"))
    (trigger,) = scaled["spec"]["triggers"]
    assert set(re.findall(r"notifier_\w+", trigger["metadata"]["query"])) <= {each.sample for each in METRICS}
    assert scaled["spec"]["scaleTargetRef"]["name"] in PODS


def directives(unit: Path, name: str) -> list[str]:
    """The values of one directive of a unit, in order."""
    return re.findall(rf"^{name}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.name)
def test_every_unit_runs_a_command_of_ours_with_settings_of_ours(unit: Path) -> None:
    (start,) = directives(unit, "ExecStart")
    program, *words = shlex.split(start.replace("$WORKER_OPTIONS", ""))
    assert Path(program).parent == Path("/opt/notifier/bin")
    parse([Path(program).name, *words])
    for line in directives(unit, "Environment") + re.findall(r"^# ([A-Z_]+=.*)$", unit.read_text(), re.MULTILINE):
        name, _, value = line.partition("=")
        if name == "WORKER_OPTIONS":
            parse(["celery", "-A", "notifier", "worker", *shlex.split(value)])
        else:
            assert name in {*Settings.spellings(), "MALLOC_ARENA_MAX"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda each: each.name)
def test_every_unit_comes_back_writes_only_where_it_may_and_is_no_root(unit: Path) -> None:
    assert directives(unit, "User") == ["notifier"]
    assert directives(unit, "Restart") == ["always"]
    assert directives(unit, "ProtectSystem") == ["strict"]
    (folder,) = directives(unit, "WorkingDirectory")
    assert [f"/var/lib/{each}" for each in directives(unit, "StateDirectory")] == [folder]
    own = {f"/var/log/{each}" for each in directives(unit, "LogsDirectory")}
    own |= {f"/run/{each}" for each in directives(unit, "RuntimeDirectory")}
    for line in directives(unit, "Environment"):
        value = Path(line.partition("=")[2])
        assert not value.is_absolute() or {str(value), str(value.parent)} & own, line


def test_systemd_knows_when_a_worker_is_ready_that_it_moves_and_lets_it_finish() -> None:
    (worker,) = (unit for unit in UNITS if "worker" in unit.name)
    assert (directives(worker, "Type"), directives(worker, "KillMode")) == (["notify"], ["mixed"])
    assert int(directives(worker, "WatchdogSec")[0]) > STALE_SECONDS
    assert int(directives(worker, "TimeoutStopSec")[0]) > IN_FLIGHT_SECONDS


def test_systemd_takes_every_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze (Debian: apt-get install systemd)")
    for unit in UNITS:
        # its programs are those of this environment
        text = unit.read_text(encoding="utf-8").replace("/opt/notifier/bin", str(Path(sys.executable).parent))
        (tmp_path / unit.name.replace("@.", "@all.")).write_text(text, encoding="utf-8")
    command = [analyze, "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "notifier-" in line]
    assert (done.returncode, ours) == (0, [])
