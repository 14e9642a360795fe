"""An image, a wheel and a source distribution hold the program, and nothing that lies beside it in a checkout."""

import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.e2e.installation import inside, uv
from tests.published import PLANTED, ROOT, BuildContext, not_publishable

pytestmark = pytest.mark.slow
SECRET = b"planted-secret\n"
ENGINES = ("podman", "docker")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this one, in each folder of which lies what should not be published."""
    copy = tmp_path_factory.mktemp("checkout")
    command = [str(shutil.which("git")), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    for folder in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        for name in PLANTED:
            (folder / name).write_bytes(SECRET)
    return copy


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both distributions of it."""
    folder = tmp_path_factory.mktemp("built")
    command = [uv(), "build", "--wheel", "--sdist", "--out-dir", str(folder), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def files_of_wheel(built: Path) -> dict[str, bytes]:
    (wheel,) = built.glob("*.whl")
    with ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_of(archive: tarfile.TarFile, strip: int) -> dict[str, bytes]:
    found = {}
    for member in archive.getmembers():
        if member.isfile() and (file := archive.extractfile(member)):
            found["/".join(member.name.split("/")[strip:])] = file.read()
    return found


def files_of_sdist(built: Path) -> dict[str, bytes]:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        return files_of(archive, 1)


def test_the_wheel_holds_the_program_alone(built: Path, wheel: Path) -> None:
    assert not_publishable(files_of_wheel(built)) == []
    assert set(files_of_wheel(built)) == inside(wheel), "what lies beside it changes nothing"
    parts = {name.removeprefix("notifier/") for name in inside(wheel) if name.startswith("notifier/")}
    expected = {
        *(
            str(path.relative_to(ROOT / "notifier"))
            for kind in ("py", "lua", "css", "html", "js")
            for path in ROOT.glob(f"notifier/**/*.{kind}")
        ),
        *(f"tasks/{path.name}" for path in ROOT.glob("tasks/*.py")),
        *(f"_templates/{path.name}" for path in ROOT.glob("templates/*.toml")),
        *("celeryconfig.py", "py.typed"),
    }
    assert parts == expected
    assert [name for name in inside(wheel) if name.endswith("notifier-bench")] == [], "a command of checkouts alone"


def test_the_source_distribution_holds_the_program_alone(built: Path) -> None:
    files = files_of_sdist(built)
    assert not_publishable(files) == []
    assert {name.split("/")[0] for name in files} == {
        *("notifier", "tasks", "services", "templates", "celeryconfig.py", "hatch_build.py", "pyproject.toml"),
        *("README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO", ".gitignore"),
    }


def test_the_image_is_built_from_the_program_alone(checkout: Path) -> None:
    context = BuildContext((checkout / ".dockerignore").read_text(encoding="utf-8").splitlines())
    names = [str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()]
    seen = {name: (checkout / name).read_bytes() for name in names if context.sees(name)}
    assert {"notifier/outbox/claim.lua", "notifier/sandbox/page.css", "tasks/celery.py", "uv.lock"} <= seen.keys()
    assert not_publishable(seen) == []


@pytest.fixture(scope="module")
def engine() -> str:
    """One that builds images here."""
    for name in ENGINES:
        if (
            shutil.which(name)
            and subprocess.run([name, "info"], capture_output=True, timeout=60, check=False).returncode == 0
        ):
            return name
    pytest.skip("no engine that builds images answers: install podman, or start Docker's")


@pytest.fixture
def image(engine: str, checkout: Path, tmp_path: Path) -> Iterator[str]:
    """The context, as an engine reads it: an image of its files and nothing else."""
    (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY . /\nCMD ["none"]\n')
    command = [engine, "build", "--quiet", "--file", str(tmp_path / "Dockerfile"), str(checkout)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    name = done.stdout.split()[-1]
    yield name
    subprocess.run([engine, "rmi", "--force", name], capture_output=True, timeout=60, check=False)


def test_an_engine_sees_the_same(engine: str, image: str, checkout: Path, tmp_path: Path) -> None:
    created = subprocess.run([engine, "create", image], capture_output=True, text=True, timeout=60, check=True)
    container = created.stdout.split()[-1]
    export = [engine, "export", "--output", str(tmp_path / "image.tar"), container]
    subprocess.run(export, capture_output=True, timeout=60, check=True)
    subprocess.run([engine, "rm", container], capture_output=True, timeout=60, check=True)
    with tarfile.open(tmp_path / "image.tar") as archive:
        files = {name: data for name, data in files_of(archive, 0).items() if (checkout / name).exists()}
    context = BuildContext((checkout / ".dockerignore").read_text(encoding="utf-8").splitlines())
    names = {str(path.relative_to(checkout)) for path in checkout.rglob("*") if path.is_file()}
    assert set(files) == {name for name in names if context.sees(name)}
    assert not_publishable(files) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("notifier/.env.production", b""),
        ("a/key.pem", b""),
        ("alerts.sqlite3-wal", b""),
        ("tests/data/redis_0_1.json", b""),
        ("a.py", b"-----BEGIN PRIVATE KEY-----"),
        ("a.py", b"FOLDER = '/%s/main/x'" % b"work"),
        ("a.py", b"redis://:hunter2@host"),
        ("a.py", b"webhooks/1/abcdefghijklmnopqrstuvwxyz_ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789abcd"),
        ("a.py", b"ghp_0123456789012345678901234567890123456"),
    ],
)
def test_the_search_finds_what_must_not_be_there(name: str, text: bytes) -> None:
    assert len(not_publishable({name: text})) == 1
