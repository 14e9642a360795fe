"""compose.yaml hands on every setting that makes sense in a container; the image holds what runs and no more."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from notifier.settings import Settings
from tests.published import PLANTED, BuildContext

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
CONTEXT = BuildContext((ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines())
PROGRAM = ("notifier", "tasks", "services", "templates")
OF_THE_CONTAINER = {"REDIS_URL", "NOTIFIER_LOG_FILE", "NOTIFIER_TEMPLATES_DIR"}
OF_THE_SPOOL = {"NOTIFIER_SPOOL_DIR", "NOTIFIER_SPOOL_MAX", "NOTIFIER_SPOOL_BYTES_MAX"}
OF_THE_PAGE = {name for name in Settings.variables() if name.startswith(("NOTIFIER_WEB_", "NOTIFIER_METRICS_"))}
OF_THE_CALLER = {"NOTIFIER_BACKEND", "DISCORD_DIRECT_FALLBACK", *OF_THE_SPOOL}


def test_every_variable_reaches_the_worker() -> None:
    handed_on = COMPOSE["services"]["notification_service"]["environment"]
    assert (
        set(handed_on) - OF_THE_CONTAINER == set(Settings.variables()) - OF_THE_CONTAINER - OF_THE_CALLER - OF_THE_PAGE
    )
    for name in set(handed_on) - OF_THE_CONTAINER:
        assert handed_on[name] == f"${{{name}:-}}"


def test_the_image_is_built_from_the_lock_file_and_leaves_the_builder_behind() -> None:
    build, image = re.split(r"^FROM .*\n", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert [line for line in build.splitlines() if "uv sync" in line and "--locked" not in line] == []
    assert "uv sync --locked" in build
    installers = re.compile(r"\b(pip|uv|apt-get) (install|sync)")
    assert installers.search(image) is None
    assert installers.search(build), "the search finds one where there is one"


def test_the_image_runs_as_a_user_that_owns_nothing_but_the_logs() -> None:
    image = DOCKERFILE.rsplit("FROM ", 1)[1]
    (user,) = re.findall(r"^USER (\w+)$", image, re.MULTILINE)
    assert user != "root"
    assert re.findall(rf"chown {user} (\S+)", image) == ["/app/logs"]
    assert "--chown" not in image


def test_the_build_sees_the_program_and_nothing_else() -> None:
    command = [str(shutil.which("git")), "ls-files"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30).stdout.split()
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
