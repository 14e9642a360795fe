"""README, docs and CONTRIBUTING are true: every snippet runs, every command parses, every file and setting exists."""

import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from difflib import unified_diff
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
import yaml
from celery.bin.celery import celery as celery_command
from mkdocs.config import load_config

from notifier.cli import main
from notifier.models import NotificationMessage
from notifier.routing import ROUTES
from notifier.settings import Settings
from scripts import public_api
from scripts.configuration_page import PAGE, page
from scripts.site_pages import MORE
from tests.benchmarks.command import main as bench
from tests.conftest import Sandbox
from tests.e2e.conftest import RunPython
from tests.servers import until

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SETTING = re.compile(r"\b(?:DISCORD|NOTIFIER)_[A-Z_]*[A-Z]\b|\bREDIS_URL\b|\bCELERY_BROKER_URL\b")
MISSPELT = "DISCORD_RATE_LIMITS"
"""On the page that shows what such a name leads to."""
FOLDERS = ("notifier", "deploy", "tasks", "tests", "docs", "templates", "scripts", "services", ".ci")
TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}


class Snippet(NamedTuple):
    """One fenced block; ``where`` is page and line."""

    where: str
    language: str
    text: str


def snippets() -> Iterator[Snippet]:
    """Every fenced block of every page."""
    for name, text in TEXTS.items():
        for block in FENCE.finditer(text):
            where = f"{name}:{text[: block.start()].count(chr(10)) + 1}"
            yield Snippet(where, block[2], textwrap.dedent(block[3]))


def shell_commands() -> Iterator[tuple[str, list[str]]]:
    """Every command of a ``bash`` block, and of a ``console`` one, split into words without assignments in front."""
    for snippet in snippets():
        if snippet.language not in ("bash", "console"):
            continue
        lines = snippet.text.replace("\\\n", " ").splitlines()
        typed = [line[2:] for line in lines if line.startswith("$ ")] if snippet.language == "console" else lines
        for line in typed:
            words = shlex.split(line, comments=True)
            while words:
                end = next((at for at, word in enumerate(words) if word in ("&&", "||", "|", ";")), len(words))
                command = words[:end]
                while command and re.match(r"[A-Z_]+=", command[0]):
                    command = command[1:]
                if command[:2] == ["uv", "run"]:
                    command = command[2:]
                if command:
                    yield snippet.where, command
                words = words[end + 1 :]


PYTHON = [snippet for snippet in snippets() if snippet.language == "python"]
COMMANDS = list(shell_commands())


def commands_of(program: str) -> list[Any]:
    """The commands that start with this program, as parameters of a test."""
    found = [(where, words[1:]) for where, words in COMMANDS if words[0] == program]
    return [pytest.param(words, id=f"{where} {' '.join(words)[:40]}") for where, words in found]


def text_outside_blocks() -> Iterator[tuple[str, str]]:
    """Each page without its fenced blocks."""
    for name, text in TEXTS.items():
        yield name, FENCE.sub("", text)


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    "snippet",
    [pytest.param(each, id=each.where, marks=[] if each is PYTHON[0] else [pytest.mark.slow]) for each in PYTHON],
)
def test_every_python_snippet_runs_as_printed(
    snippet: Snippet, run_python: RunPython, sandbox: Sandbox, tmp_path: Path
) -> None:
    code = snippet.text
    if "import apprise\n" in code:  # its plugins import what is deprecated
        code = f"import warnings\nwarnings.simplefilter('ignore')\n{code}"
    if code.startswith("# settings.py"):
        (tmp_path / "settings.py").write_text(code, encoding="utf-8")
        code = "from django.core.management import execute_from_command_line as run; run(['', 'check'])"
    if "await " in code:
        code = f"import asyncio\nasync def main():\n{textwrap.indent(code, '    ')}\nasyncio.run(main())"
    done = run_python(code, fresh=snippet is PYTHON[0], DJANGO_SETTINGS_MODULE="settings")
    assert done.returncode == 0, done.stderr
    titles = set(re.findall(r'title="([^"]*)"|"title": "([^"]*)"', code))
    raises_none = ".revoke()" in code or "def test_" in code
    wanted = set() if raises_none else {first or second for first, second in titles}
    until(lambda: wanted <= set(sandbox.titles()), f"{wanted} in the channels")


def test_there_are_snippets_and_commands_to_test() -> None:
    assert len(PYTHON) >= 5
    assert {"notifier", "celery", "pytest", "docker"} <= {words[0] for _, words in COMMANDS}


@pytest.mark.parametrize("words", commands_of("notifier"))
def test_every_notifier_command_parses(words: list[str]) -> None:
    parse(main, words)


@pytest.mark.parametrize("words", commands_of("notifier-bench"))
def test_every_command_that_measures_parses(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # --write names a file of the checkout
    parse(bench, words)


def parse(command: click.Command, words: list[str]) -> None:
    """Parse without running. Raises: UsageError for what the command would refuse."""
    context = click.Context(command)
    while isinstance(command, click.Group):
        name, *words = words
        below = command.get_command(context, name)
        assert below is not None, f"no command {name}"
        command = below
    command.make_context(command.name, list(words), context)


INLINE = [
    (name, words)
    for name, text in text_outside_blocks()
    for span in re.findall(r"`([^`\n]+)`", text)
    if (words := span.removeprefix("uv run ").split()) and words[0] == "notifier" and "…" not in span
]


def test_every_command_in_a_sentence_exists_with_its_options() -> None:
    for where, words in INLINE:
        command: click.Command = main
        for word in words[1:]:
            if word.startswith("-") and word != "-":
                assert word in {option for each in command.params for option in each.opts} | {"--help"}, (where, words)
            elif isinstance(command, click.Group):
                found = command.get_command(click.Context(command), word)
                assert found is not None, f"{where}: no command {word}"
                command = found


@pytest.mark.parametrize("words", commands_of("celery"))
def test_every_celery_command_names_what_there_is(words: list[str]) -> None:
    option, app, command, *rest = words
    assert option == "-A"
    assert app in ("notifier", "tasks")
    assert command in celery_command.list_commands(click.Context(celery_command))
    queues = {route.queue for route in ROUTES.values()}
    named = [word.split(",") for before, word in pairwise(rest) if before == "-Q"]
    assert {queue for each in named for queue in each} <= queues


@pytest.mark.parametrize("words", commands_of("docker"))
def test_every_compose_command_names_what_there_is(words: list[str]) -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    values = dict(pairwise(words))
    if words[0] == "build":
        assert (ROOT / words[-1] / "Dockerfile").is_file()
        return
    assert words[0] == "compose"
    assert all((ROOT / after).is_file() for before, after in pairwise(words) if before == "-f")
    if "exec" in words:
        service, *inside = [each for each in words[words.index("exec") + 1 :] if each != "-T"]
        assert service in services
        if inside[0] == "notifier":
            parse(main, inside[1:])
    assert (ROOT / values.get("--env-file", "compose.yaml")).is_file()
    profiles = {profile for each in services.values() for profile in each.get("profiles", [])}
    assert values.get("--profile", "dev") in profiles


def test_every_kubectl_command_names_what_there_is() -> None:
    declared = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "deploy/kubernetes").rglob("*.yaml"))
    found = [words for _, words in COMMANDS if words[0] == "kubectl"]
    assert found
    for words in found:
        assert all(
            (ROOT / after / "kustomization.yaml").is_file() for before, after in pairwise(words) if before == "-k"
        )
        named = [each.partition("/")[2] for each in words if re.match(r"(deploy|service)/notifier", each)]
        assert all(f"name: {each}\n" in declared for each in named)
        if "--" in words:
            parse(main, words[words.index("--") + 2 :])


@pytest.mark.slow
@pytest.mark.parametrize("words", [each for each in commands_of("pytest") if "tests/" in str(each.values)])
def test_every_pytest_command_finds_tests(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *words],
        cwd=ROOT, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr


TESTED = {"notifier", "notifier-bench", "celery", "docker", "kubectl", "pytest", "python"}
"""Programs whose commands the tests above parse or run; a script of ours only has to exist."""
NOT_RUN = {
    "uv": "the tests run in what it has made; tests/e2e/test_wheel.py and test_release.py build with it",
    "pip": "installs from the network; tests/e2e/test_extras.py installs the wheel and its extras",
    "ruff": "scripts/check",
    "mypy": "scripts/check",
    "lint-imports": "scripts/check",
    **dict.fromkeys(("cp", "curl", "git", "mkdir", "openssl", "tail"), "of the system"),
    **dict.fromkeys(("sudo", "echo", "journalctl"), "set up a machine; tests/unit/test_deploy.py checks the units"),
    "pg_dump": "a program whose output is piped",
    "jq": "of the system; tests/e2e/test_log_lines.py reads the same lines",
}
"""Programs whose commands no test of this file runs, each with the reason."""
NOT_RUN_LANGUAGES = {"py": "what another program takes, beside what takes its place (docs/migration.md)"}


def test_every_program_on_a_page_has_a_test_or_a_reason() -> None:
    named = {(where.split(":")[0], words[0]) for where, words in COMMANDS if "/" not in words[0]}
    assert {each for each in named if each[1] not in {*TESTED, *NOT_RUN}} == set(), "test it, or say in NOT_RUN why not"
    assert set(NOT_RUN) <= {program for _, program in named}


def test_every_language_of_a_block_is_run_or_has_a_reason() -> None:
    data = {"", "text", "json", "ini", "yaml", "toml", "html", "lua", "nginx", "diff"}
    shown = {(each.where, each.language) for each in snippets()}
    known = {"python", "bash", "console", *data, *NOT_RUN_LANGUAGES}
    assert {each for each in shown if each[1] not in known} == set()


def test_every_script_that_is_run_exists() -> None:
    scripts = {words[0] for _, words in COMMANDS if "/" in words[0]}
    assert {each for each in scripts if not (ROOT / each).is_file()} == set()
    modules = {ROOT.joinpath(*words[2].split(".")) for _, words in COMMANDS if words[0] == "python"}
    found = {each for each in modules if each.with_suffix(".py").is_file() or (each / "__main__.py").is_file()}
    assert modules - found == set()


def test_every_file_that_is_named_exists() -> None:
    missing = set()
    for name, text in text_outside_blocks():
        for span in re.findall(r"`([^`\s]+)`", text):
            if span.split("/")[0] in FOLDERS and "/" in span and "NAME" not in span and not any(ROOT.glob(span)):
                missing.add((name, span))
    assert missing == set()


def test_every_link_within_the_project_leads_somewhere() -> None:
    missing = set()
    for name, text in text_outside_blocks():
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            file, _, heading = target.partition("#")
            page = (ROOT / name).parent / file if file else ROOT / name
            if not page.exists() or (heading and heading not in headings(page)):
                missing.add((name, target))
    assert missing == set()


def test_the_layers_are_those_of_the_import_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (block,) = (each.text for each in snippets() if each.text.startswith("cli "))
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each.get("containers") == ["notifier"])
    assert [" ".join(layer.split()) for layer in block.split("→")] == contract["layers"]


def test_the_readme_lists_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = TEXTS["README.md"].split("| extra | for |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `\[(\w+)\]`", table, re.MULTILINE)) == set(project["optional-dependencies"])
    assert f"`{project['name']}`" in TEXTS["README.md"]


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_setting_that_is_named_is_one() -> None:
    known = {*Settings.variables(), *Settings.spellings(), MISSPELT}
    named = {(name, each) for name, text in TEXTS.items() for each in SETTING.findall(text)}
    assert {(name, each) for name, each in named if each not in known} == set()


def test_the_page_on_messages_lists_every_field_and_no_other() -> None:
    text = TEXTS["docs/messages.md"]
    table = text[text.index("| field | meaning |") :].split("\n\n")[0]
    fields = {name for line in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}
    assert fields == set(NotificationMessage.model_fields)


def test_every_page_is_in_the_navigation() -> None:
    pages = {*MORE.values(), *(path.name for path in (ROOT / "docs").glob("*.md"))}
    nav = load_config(str(ROOT / "mkdocs.yml")).nav
    named = [page for section in nav for listed in section.values() for each in listed for page in each.values()]
    missing = sorted(pages - set(named))
    assert missing == [], f"add {', '.join(missing)} to `nav` in mkdocs.yml, in the section where a reader looks for it"
    assert sorted(set(named) - pages) == [], "mkdocs.yml names pages that docs/ does not have"
    assert len(named) == len(set(named))


def test_the_page_on_settings_is_the_one_that_they_make() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: uv run python -m scripts.configuration_page"


WHAT_TO_DO = """

The public interface has changed. What is new: run `uv run python -m scripts.public_api`, and commit the
list with a line in CHANGELOG.md. What is gone or takes less than before breaks programs of others: keep it, or say
under "Upgrading" in CHANGELOG.md what they have to do.
"""


def test_the_public_interface_is_the_one_that_is_listed() -> None:
    listed = public_api.LIST.read_text(encoding="utf-8").splitlines()
    changes = "\n".join(unified_diff(listed, public_api.lines(), "tests/public_api.txt", "the code", n=0, lineterm=""))
    assert changes == "", changes + WHAT_TO_DO


def test_pictures_are_small_and_shown() -> None:
    pictures = set((ROOT / "docs" / "images").iterdir())
    assert {path.name for path in pictures if path.stat().st_size > 150_000} == set()
    assert {path.name for path in pictures if f"images/{path.name})" not in "".join(TEXTS.values())} == set()
