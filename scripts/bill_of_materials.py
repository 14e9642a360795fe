"""Completes the bill of materials that ``uv export`` writes (CycloneDX 1.5): our version, and licences.

It reads one from standard input and prints it. Raises: SystemExit if a package that ours needs is missing in it.
"""

import json
import sys
from typing import Any

from notifier.version import VERSION
from scripts.licences_page import OURS, licence_of, packages


def completed(bill: dict[str, Any]) -> dict[str, Any]:
    """The bill with what only we know."""
    component = bill["metadata"]["component"]
    component |= {"version": VERSION, "purl": f"pkg:pypi/{OURS}@{VERSION}", "licenses": [{"license": {"id": "MIT"}}]}
    needed, listed = packages(), {each["name"] for each in bill["components"]}
    if missing := sorted(set(needed) - listed):
        raise SystemExit(f"not in the bill of materials: {', '.join(missing)}")
    for each in bill["components"]:
        if each["name"] in needed:
            each["licenses"] = [{"expression": licence_of(each["name"])}]
    return bill


if __name__ == "__main__":
    print(json.dumps(completed(json.load(sys.stdin)), indent=1))  # noqa: T201 - that is what it is for
