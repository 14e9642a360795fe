"""``scripts/release`` makes what is published: checked, typed, with a bill of what it needs."""

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from notifier.version import VERSION
from scripts import licences_page
from scripts.bill_of_materials import completed
from tests.e2e.installation import ROOT, uv


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a draft."""
    folder = tmp_path_factory.mktemp("released") / "dist"
    done = release("--draft", "--to", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2
    assert ": OK" in done.stdout
    return folder


def release(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(uv()).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    command = [str(ROOT / "scripts" / "release"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=250, env=environment, check=False)


@pytest.mark.slow
@pytest.mark.timeout(300)  # it builds, and checks types, on a machine that may be busy
def test_it_holds_all_that_a_release_has_and_is_typed(released: Path, tmp_path: Path) -> None:
    sums = [line.split() for line in (released / "SHA256SUMS").read_text().splitlines()]
    assert {name for _, name in sums} == {path.name for path in released.iterdir()} - {"SHA256SUMS"}
    assert all(hashlib.sha256((released / name).read_bytes()).hexdigest() == known for known, name in sums)

    bill = json.loads((released / f"celery_discord_notifier-{VERSION}.cdx.json").read_text())
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
    assert set(licences_page.packages()) <= {each["name"] for each in bill["components"]}

    (wheel,) = released.glob("*.whl")
    assert VERSION in wheel.name
    done = typed(wheel, tmp_path)
    assert done.returncode == 0, done.stdout


def typed(wheel: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a type checker says of a program that uses the wheel."""
    venv.create(folder / "venv", with_pip=False)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    with ZipFile(wheel) as archive:
        archive.extractall(packages)
    here = next(path for path in sys.path if path.endswith("site-packages"))
    (packages / "those_of_the_tests.pth").write_text(f"{here}\n")
    program = folder / "consumer.py"
    program.write_text((Path(__file__).with_name("typed_consumer.py")).read_text())
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache")]
    command += ["--python-executable", str(folder / "venv" / "bin" / "python"), program.name]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=250, check=False)


def test_a_version_without_a_section_in_the_changelog_is_not_released(tmp_path: Path) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if f"## {VERSION} (unreleased)" not in changelog:
        pytest.skip("this version has its date")
    done = release("--to", str(tmp_path / "dist"))
    assert done.returncode == 1
    assert f'CHANGELOG.md has no section "## {VERSION} (YYYY-MM-DD)"' in done.stderr
    assert not (tmp_path / "dist").exists()


def test_the_page_of_licences_is_up_to_date() -> None:
    assert licences_page.PAGE.read_text(encoding="utf-8") == licences_page.page(), (
        "run: uv run python -m scripts.licences_page"
    )


def test_a_bill_that_lacks_what_is_needed_is_refused() -> None:
    bill = {"metadata": {"component": {}}, "components": [{"name": name} for name in licences_page.packages()]}
    assert all(each["licenses"] for each in completed(bill)["components"])
    bill["components"] = [each for each in bill["components"] if each["name"] != "kombu"]
    with pytest.raises(SystemExit, match="not in the bill of materials: kombu"):
        completed(bill)
