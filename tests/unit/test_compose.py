"""compose.yaml hands on every setting that makes sense in a container; the image holds what runs and no more."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from notifier.routing import ROUTES
from notifier.settings import Settings
from tests.composed import DEV, Composed
from tests.published import PLANTED, BuildContext

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
CONTEXT = BuildContext((ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines())
PROGRAM = ("notifier", "tasks", "services", "templates")
PROGRAMS = ("notification_service", "notification_critical", "flower", "web", "intake")
ELSEWHERE = {
    "REDIS_URL": "COMPOSE_REDIS_URL",  # .env has the one of programs of the host
    "NOTIFIER_RUN_DIR": "of one container alone",
    "NOTIFIER_TEMPLATES_DIR": "a folder of the host, which is mounted",
    **{f"{route.webhook_variables[0]}_FILE": "a file of the host, which is a secret" for route in ROUTES.values()},
    **dict.fromkeys(("NOTIFIER_REDIS_PASSWORD_FILE", "NOTIFIER_WEB_PASSWORD_FILE"), "the same"),
}
"""What .env says of the host means something else in a container, and what says it there."""


@pytest.mark.parametrize("service", PROGRAMS)
def test_every_setting_of_the_env_file_reaches_every_container(service: str) -> None:
    names = set(Settings.spellings()) - set(ELSEWHERE)
    reached = Composed("".join(f"{name}='{name} as it stands'\n" for name in names)).environment(service)
    assert {name for name in names if reached.get(name) != f"{name} as it stands"} == set()


def test_what_is_elsewhere_for_a_container_comes_from_the_host_all_the_same() -> None:
    given = Composed(
        "COMPOSE_REDIS_URL=rediss://elsewhere:6380/1\nNOTIFIER_TEMPLATES_DIR=/srv/templates\n"
        + "".join(f"{name}=/srv/{name}\n" for name in ELSEWHERE if name.endswith("_FILE"))
    )
    environment = given.environment("notification_service")
    assert environment["REDIS_URL"] == "rediss://elsewhere:6380/1"
    (templates,) = [each for each in given.services["notification_service"]["volumes"] if isinstance(each, dict)]
    assert (templates["source"], templates["target"]) == ("/srv/templates", environment["NOTIFIER_TEMPLATES_DIR"])
    for name in (each for each in ELSEWHERE if each.endswith("_FILE")):
        secret = Path(environment[name]).name
        assert given.file["secrets"][secret] == {"file": f"/srv/{name}"}
        assert secret in given.services["redis"]["secrets"]


def test_the_first_up_needs_no_file() -> None:
    composed = Composed(files={})
    assert composed.environment("notification_service")["REDIS_URL"] == "redis://redis:6379/0"
    for secret in composed.file["secrets"].values():
        assert (ROOT / secret["file"]).read_bytes() == b""
    assert (ROOT / "deploy/compose/templates").is_dir()


def test_the_example_and_the_sandboxs_file_lead_to_the_redis_of_the_stack() -> None:
    """What a newcomer copies names a Redis on localhost, where none is for a container."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    sandbox = (ROOT / DEV).read_text(encoding="utf-8")
    assert Composed(example).environment("notification_service")["REDIS_URL"] == "redis://redis:6379/0"
    dev = Composed(sandbox, {DEV: sandbox, ".env": "DISCORD_API_URL=https://discord.com/api/v10\n"})
    for service in PROGRAMS:
        assert dev.environment(service)["DISCORD_API_URL"].startswith("http://sandbox:")
        assert dev.environment(service)["DISCORD_WEBHOOK_ERRORS"].startswith("http://sandbox:")


def test_no_secret_is_in_an_argument_or_a_variable() -> None:
    for name, service in Composed().services.items():
        said = [*service.get("environment", {}).items(), ("command", " ".join(service.get("command", [])))]
        for where, value in said:
            if re.search(r"(?i)passw|token|webhook", f"{where} {value}"):
                assert re.search(r"/run/(notifier|secrets)\b", value), f"{name}: {where} is the path of a file"


def test_redis_reads_its_password_from_the_file_that_the_others_read() -> None:
    environment = Composed().environment("notification_service")
    assert (
        f"requirepass $(cat {environment['NOTIFIER_REDIS_PASSWORD_FILE']})"
        in Composed().services["redis"]["command"][-1]
    )


def test_every_service_proves_its_health_and_may_be_scaled() -> None:
    for name, service in Composed().services.items():
        assert "container_name" not in service
        assert service["healthcheck"]["test"], name
        assert service["restart"] == "unless-stopped"
        if name != "redis":
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
    workers = [service for service in Composed().services.values() if "worker" in service.get("command", [])]
    assert len(workers) == 2
    assert not any("ports" in worker for worker in workers)
    in_flight = 2 * Settings.model_fields["timeout_seconds"].default
    for worker in workers:
        assert worker["healthcheck"]["test"] == ["CMD", "notifier", "ready"]
        assert int(worker["stop_grace_period"].removesuffix("s")) > in_flight, "a look-up of the webhook and a post"


def test_only_this_machine_reaches_what_is_published_and_redis_is_not() -> None:
    for name, service in Composed().services.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert "ports" not in Composed().services["redis"]


def hand_on(tmp_path: Path, **given: str) -> dict[str, str]:
    """Run what ``redis`` runs first; what the volume of the secrets then holds."""
    source, volume = tmp_path / "given", tmp_path / "volume"
    for folder in (source, volume):
        folder.mkdir(exist_ok=True)
    for name in Composed().services["redis"]["secrets"]:
        (source / name).write_text(given.get(name, ""), encoding="utf-8")
    command = ["sh", str(ROOT / "deploy/compose/hand_on_secrets"), str(source), str(volume)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = {path.name: path.read_text(encoding="utf-8") for path in volume.iterdir()}
    assert not [secret for secret in found.values() if secret and secret in done.stdout + done.stderr]
    return found


def test_passwords_that_nobody_gave_are_made_once(tmp_path: Path) -> None:
    first = hand_on(tmp_path)
    made = {"redis_password", "web_password", "intake_tokens"}
    assert {name for name, secret in first.items() if re.fullmatch("[0-9a-f]{64}", secret)} == made
    assert len({first[name] for name in made}) == len(made)
    assert {secret for name, secret in first.items() if name not in made} == {""}
    assert hand_on(tmp_path) == first


def test_secrets_that_are_given_are_handed_on_and_forgotten_with_the_file(tmp_path: Path) -> None:
    first = hand_on(tmp_path, redis_password="fake-own\n", discord_webhook_errors="https://fake")
    assert (first["redis_password"], first["discord_webhook_errors"]) == ("fake-own\n", "https://fake")
    assert set(first) == set(Composed().services["redis"]["secrets"])
    later = hand_on(tmp_path)
    assert later["discord_webhook_errors"] == ""
    assert later["redis_password"] == "fake-own\n", "Redis still has it"


def test_the_image_is_built_from_the_lock_file_and_leaves_the_builder_behind() -> None:
    build, image = re.split(r"^FROM .*\n", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert [line for line in build.splitlines() if "uv sync" in line and "--locked" not in line] == []
    assert "uv sync --locked" in build
    installers = re.compile(r"\b(pip|uv|apt-get) (install|sync)")
    assert installers.search(image) is None
    assert installers.search(build), "the search finds one where there is one"


def test_the_image_runs_as_a_user_that_owns_nothing_but_logs_and_spool() -> None:
    image = DOCKERFILE.rsplit("FROM ", 1)[1]
    (user,) = re.findall(r"^USER (\w+)$", image, re.MULTILINE)
    assert user != "root"
    assert re.findall(rf"chown {user} (.+)$", image, re.MULTILINE) == ["/app/logs /var/lib/flower /var/spool/notifier"]
    assert "--chown" not in image


def test_the_build_sees_the_program_and_nothing_else() -> None:
    command = [str(shutil.which("git")), "ls-files"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout.split()
    seen = {name for name in tracked if CONTEXT.sees(name)}
    program = {name for name in tracked if name.split("/")[0] in PROGRAM} - {"notifier/sandbox/sandbox.env"}
    assert seen == program | {"pyproject.toml", "uv.lock", "README.md", "LICENSE", "celeryconfig.py", "hatch_build.py"}


def test_it_sees_nothing_else_that_may_lie_in_any_folder() -> None:
    folders = {path.relative_to(ROOT) for name in PROGRAM for path in (ROOT / name).rglob("*") if path.is_dir()}
    assert len(folders) > 10
    for folder in {*folders, *map(Path, PROGRAM), Path(), Path("tests"), Path("new"), Path("notifier/new/deeper")}:
        assert [name for name in PLANTED if CONTEXT.sees(str(folder / name))] == []


def test_every_copy_of_the_image_is_of_that_context_or_of_what_was_built_from_it() -> None:
    copies = re.findall(r"^(?:COPY|ADD) (.*)$", DOCKERFILE, re.MULTILINE)
    assert copies == ["pyproject.toml uv.lock ./", ". .", "--from=build /app /app"]


@pytest.mark.parametrize(
    ("rules", "seen", "hidden"),
    [
        (["*", "!a", "a/b"], ["a/c", "a/d/e"], ["b", "a/b", "a/b/c"]),
        (["*", "!a/*.py"], ["a/x.py"], ["a/x", "a/b/x.py", "x.py"]),
        (["*.pem", "!keep.pem"], ["a/x.pem", "keep.pem"], ["x.pem"]),
    ],
)
def test_the_rules_are_read_as_docker_does(rules: list[str], seen: list[str], hidden: list[str]) -> None:
    assert [name for name in seen + hidden if BuildContext(rules).sees(name)] == seen
