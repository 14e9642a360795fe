"""Breaks each promise on purpose, in a copy, and sees its tests go red: ``uv run python -m scripts.break_promises``.

Each change of ``tests/promises`` is made by itself, and only the tests of its promise run. A change under which all of
them stay green is an error; a test that stays green under every change of its promise is named.
"""

import argparse
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.promises import ROOT, Break, Promise, sections, wrong

TEST_SECONDS_MAX = 120
"""What is broken may go on for ever."""
SECONDS_MAX = 1_800
RESULT = re.compile(r"^(PASSED|FAILED|ERROR) (tests/\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)
RED, NOTHING_RAN = 1, 5
"""pytest's exit codes; any other is of tests that could not be run at all."""


def main() -> None:
    """Run it. Raises: SystemExit, with what stayed green."""
    parser = argparse.ArgumentParser(prog="python -m scripts.break_promises", description=__doc__)
    parser.add_argument("words", nargs="*", help="only promises, or files to change, in which one of these is")
    parser.add_argument("--quick", action="store_true", help="leave out tests that take more than a few seconds")
    given = parser.parse_args()
    found = sections()
    if lines := wrong(found):
        raise SystemExit("\n".join(lines))
    chosen = [each for section in found for each in section.promises if _is_chosen(each, given.words)]
    with tempfile.TemporaryDirectory(prefix="promises-") as folder:
        copy = Path(folder) / "copy"
        _copy(copy)
        _make_python(Path(folder) / "python", copy)
        green = [line for each in chosen for line in _break(each, copy, quick=given.quick)]
    raise SystemExit("\n".join(green) or None)


def _is_chosen(promise: Promise, words: Sequence[str]) -> bool:
    places = (promise.says, *(each.file for each in promise.breaks))
    return not words or any(word in place for word in words for place in places)


def _copy(folder: Path) -> None:
    """Copy what is not ignored by git."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        source, target = ROOT / name, folder / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            target.chmod(source.stat().st_mode)


def _make_python(folder: Path, copy: Path) -> None:
    """A Python that has what this one has, but imports the copy: of the processes that tests start as well."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    bin_before, site_before = Path(sys.executable).parent, sysconfig.get_path("purelib")
    (site,) = folder.glob("lib/*/site-packages")
    (site / "promises.pth").write_text(f"{copy}\nimport site; site.addsitedir({site_before!r})\n", encoding="utf-8")
    for script in bin_before.iterdir():
        place = folder / "bin" / script.name
        if script.is_file() and not place.exists() and script.read_bytes().startswith(b"#!"):
            text = script.read_text(encoding="utf-8").replace(str(bin_before), str(folder / "bin"))
            place.write_text(text, encoding="utf-8")
            place.chmod(0o755)


def _break(promise: Promise, folder: Path, *, quick: bool) -> Iterator[str]:
    """Yields what is wrong, as lines for people."""
    ran, red = set[str](), set[str]()
    for each in promise.breaks:
        (place,) = each.places(folder)
        before = place.read_text(encoding="utf-8")
        place.write_text(before.replace(each.old, each.new), encoding="utf-8")
        code, told = _run(promise.tests, folder, quick=quick)
        place.write_text(before, encoding="utf-8")
        results = RESULT.findall(told)
        failed = {test for result, test in results if result != "PASSED"}
        ran, red = ran | {test for _, test in results}, red | failed
        if code == NOTHING_RAN:
            _say(f"not run    {_named(promise, each)}")
        elif code == RED and failed:
            _say(f"red {len(failed)}/{len(promise.tests)}    {_named(promise, each)}")
        else:
            _say(f"NOT RED    {_named(promise, each)}")
            yield f"stays green (exit code {code}): {_named(promise, each)}" + f"\n{told[-1500:]}" * (code > RED)
    for test in sorted(ran - red):
        _say(f"no change here turns it red: {test} ({promise.says})")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _named(promise: Promise, change: Break) -> str:
    return f"{promise.says} [{change.file}: {change.old!r} → {change.new!r}]"


def _run(tests: Sequence[str], folder: Path, *, quick: bool) -> tuple[int, str]:
    python = folder.parent / "python" / "bin" / "python"
    command = [str(python), "-m", "pytest", "-n0", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider"]
    command += ["--timeout", str(TEST_SECONDS_MAX), *tests]
    done = subprocess.run(
        command + ["-m", "not slow"] * quick,
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    return done.returncode, done.stdout


if __name__ == "__main__":
    main()
