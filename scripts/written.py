"""A file that a script writes from the code: written anew, or only compared."""

import sys
from pathlib import Path


def write_or_check(file: Path, text: str, script: str) -> None:
    """Write the file; with ``--check``, compare it. Raises: SystemExit, with the command, if it is out of date."""
    if "--check" not in sys.argv[1:]:
        file.write_text(text, encoding="utf-8")
    elif file.read_text(encoding="utf-8") != text:
        raise SystemExit(f"{file.name} is out of date: uv run python -m scripts.{script}")
