"""compose.yaml hands on every setting that makes sense in a container; the image holds what runs and no more."""

import re
from pathlib import Path

import yaml

from notifier.settings import Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
IGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
OF_THE_CONTAINER = {"REDIS_URL", "NOTIFIER_LOG_FILE", "NOTIFIER_TEMPLATES_DIR"}
OF_THE_CALLER = {"NOTIFIER_SPOOL_DIR", "NOTIFIER_SPOOL_MAX", "DISCORD_DIRECT_FALLBACK"}


def test_every_variable_reaches_the_worker() -> None:
    handed_on = COMPOSE["services"]["notification_service"]["environment"]
    assert set(handed_on) - OF_THE_CONTAINER == set(Settings.variables()) - OF_THE_CONTAINER - OF_THE_CALLER
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
    ignore, *kept = [line for line in IGNORE if not line.startswith("#")]
    assert ignore == "*"
    seen = {line.removeprefix("!") for line in kept if line.startswith("!")}
    assert seen >= {"pyproject.toml", "uv.lock", "celeryconfig.py", "notifier", "tasks", "services", "templates"}
    assert seen.isdisjoint({".env", ".git", "tests", ".venv", "logs"})
    assert all((ROOT / name).exists() for name in seen)
