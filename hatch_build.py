"""Moves the application's parts into the package, where a wheel has them; of each folder one kind of file alone."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MOVED = {"celeryconfig.py": "", "tasks/*.py": "tasks/", "templates/*.toml": "_templates/"}
"""Where each goes, in the package."""
CHECKOUT_COMMAND = "tests/benchmarks/notifier-bench"
"""A command of checkouts alone: what it measures with lies in none but those."""


class Hook(BuildHookInterface[Any]):
    """Hatch's own setting for this takes whole folders, with whatever lies in them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the files."""
        root = Path(self.root)
        for pattern, folder in MOVED.items():
            for file in sorted(root.glob(pattern)):
                if not file.name.startswith("."):
                    build_data["force_include"][str(file)] = f"notifier/{folder}{file.name}"
        command = root / CHECKOUT_COMMAND
        if version == "editable" and command.exists():
            build_data["shared_scripts"][str(command)] = command.name
