"""compose.yaml in real containers: every service is healthy, an alert arrives, nothing is lost, no secret shows."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.composed import DEV, ROOT, Composed
from tests.servers import free_port, until

HEALTHY_SECONDS = 90
GIVEN = {"DISCORD_QUEUE_SIZE": "77", "NOTIFIER_SECRET_PATTERNS": "acme-[0-9]+$"}


def compose_command() -> list[str]:
    """What runs compose.yaml on this machine, as ``TEST_COMPOSE`` names it or as it is found; nothing: none does."""
    if named := os.environ.get("TEST_COMPOSE"):
        return shlex.split(named)
    docker = shutil.which("docker")
    if docker and all(_succeeds([docker, *words]) for words in (["compose", "version"], ["info"])):
        return [docker, "compose"]
    podman_compose = shutil.which("podman-compose")
    return [podman_compose] if podman_compose and shutil.which("podman") else []


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0


class Stack:
    """A project of its own, with the sandbox."""

    def __init__(self, command: list[str], env_file: Path) -> None:
        self.composed = Composed(env_file.read_text(encoding="utf-8"))
        self.engine = "docker" if "docker" in command[0] else "podman"
        self.name = f"notifiertest{os.getpid()}"
        self._command = [*command, "-p", self.name, "--env-file", str(env_file), "--profile", "dev"]

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *words], cwd=ROOT, capture_output=True, text=True, check=check, timeout=500
        )

    def inside(self, service: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command in the first container of a service. (The engine's own is quicker than ``compose exec``.)"""
        (container, *_) = self._containers(f"label=com.docker.compose.service={service}")
        command = [self.engine, "exec", container, *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60)
        except subprocess.TimeoutExpired:
            # while Redis is restarted, its name may be asked for in vain for as long as the resolver likes
            if check:
                raise
            return subprocess.CompletedProcess(command, 124, "", "")

    def is_healthy(self, service: str) -> bool:
        """Whether its health check, as it is declared, says so."""
        kind, *test = self.composed.services[service]["healthcheck"]["test"]
        words = ["sh", "-c", *test] if kind == "CMD-SHELL" else test
        return self.inside(service, *words, check=False).returncode == 0

    def takes(self, title: str) -> bool:
        """Whether a critical alert is stored now: on a busy machine Redis may not answer in time."""
        done = self.inside("web", "notifier", "send", "critical", title, check=False)
        return done.stdout.startswith("queued")

    def titles(self) -> set[str]:
        """The titles of what was delivered, as the history has them."""
        done = self.inside("web", "notifier", "history", "--status", "delivered", "--json", check=False)
        return {each["message"]["title"] for each in json.loads(done.stdout or "[]")}

    def told_by_the_engine(self) -> str:
        """What anybody who may use it sees of the containers."""
        ids = self._containers()
        told = [self._asked("inspect", *ids), *(self._asked(word, each) for each in ids for word in ("top", "logs"))]
        return "".join(told)

    def _containers(self, *more: str) -> list[str]:
        filters = [f"--filter={each}" for each in (f"label=com.docker.compose.project={self.name}", *more)]
        return self._asked("ps", "-aq", *filters).split()

    def _asked(self, *words: str) -> str:
        done = subprocess.run([self.engine, *words], capture_output=True, text=True, check=False, timeout=60)
        return done.stdout + done.stderr if words[0] != "ps" else done.stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    command = compose_command()
    if not command:
        pytest.skip("needs Docker with Compose 2.24, or podman-compose; TEST_COMPOSE names another command")
    env_file = tmp_path_factory.mktemp("stack") / "stack.env"
    lines = [line for line in (ROOT / DEV).read_text(encoding="utf-8").splitlines() if "ENV_FILE" not in line]
    lines += [f"{name}='{value}'" for name, value in GIVEN.items()]
    # a stack may run here already
    lines += [f"{name}_ADDRESS=127.0.0.1:{free_port()}" for name in ("FLOWER", "WEB", "SANDBOX")]
    env_file.write_text("\n".join([*lines, f"ENV_FILE={env_file}"]), encoding="utf-8")
    found = Stack(command, env_file)
    try:
        found.run("up", "-d", "--build")
        yield found
    finally:
        found.run("down", "-v", "-t", "5", check=False)


@pytest.mark.slow
@pytest.mark.timeout(600)  # of which the first build of the image takes most
def test_the_stack_is_well_keeps_what_waits_and_shows_no_secret(stack: Stack) -> None:
    services = [name for name, each in stack.composed.services.items() if each.get("profiles", ["dev"]) == ["dev"]]
    assert len(services) == 6
    for service in services:
        until(lambda service=service: stack.is_healthy(service), f"{service} is healthy", HEALTHY_SECONDS)
    for name, value in GIVEN.items():
        assert stack.inside("notification_service", "printenv", name).stdout == f"{value}\n"
    done = stack.inside("notification_service", "notifier", "send", "error", "It works", "--wait", "30")
    assert done.stdout.startswith("delivered")

    workers = ("notification_service", "notification_critical")
    stack.run("stop", *workers)
    for number in range(2):
        until(lambda title=f"waits {number}": stack.takes(title), "it is stored", HEALTHY_SECONDS)
    stack.run("restart", "redis")
    stack.run("start", *workers)
    until(lambda: stack.titles() == {"It works", "waits 0", "waits 1"}, "all arrived", HEALTHY_SECONDS)
    assert "ready." in stack.inside("notification_service", "cat", "logs/notifications.log").stdout

    files = [f"/run/notifier/{name}" for name in ("redis_password", "web_password", "intake_tokens")]
    secrets = [stack.inside("redis", "cat", file).stdout for file in files]
    told = stack.told_by_the_engine()
    assert "notification_service" in told
    assert [secret for secret in secrets if len(secret) != 64 or secret in told] == []

    stack.run("stop", "redis")
    for service in (*workers, "web"):
        until(lambda service=service: not stack.is_healthy(service), f"{service} is not healthy", HEALTHY_SECONDS)
