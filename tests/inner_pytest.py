"""pytest as a process of its own, over the tests in a folder."""

import subprocess
import sys
from pathlib import Path

WITHOUT_XDIST = ("-p", "no:xdist")


def run_pytest(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it, with no other variable set."""
    without = [part for name in ("cacheprovider", "hypothesispytest") for part in ("-p", f"no:{name}")]
    command = [sys.executable, "-m", "pytest", "-q", *without, *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
