"""The figures that were measured last, and when and where: kept beside the code, so that tables can be written."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.row import Benchmark, Row

KEPT = Path(__file__).with_name("figures.json")


@dataclass(frozen=True)
class Figure:
    """A row, the benchmark that it is of, its day (UTC), its machine, and the checkout's commit ("": not known)."""

    row: Row
    benchmark: str
    day: str
    machine: str
    commit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        of_run = {"day": self.day, "machine": self.machine, "commit": self.commit}
        return {"benchmark": self.benchmark, **self.row.as_dict(), **of_run}


def measured_now(benchmark: Benchmark, rows: Sequence[Row], commit: str) -> list[Figure]:
    """The figures of a run on this machine."""
    return [Figure(row, benchmark.name, f"{datetime.now(UTC):%Y-%m-%d}", machine(), commit) for row in rows]


def checkout() -> str:
    """The commit that is checked out, with "-dirty" if files differ from it; "" without git."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    try:
        found = subprocess.run(command, cwd=KEPT.parent, capture_output=True, text=True, check=False, timeout=30)
    except OSError:
        return ""
    return found.stdout.strip()


def machine() -> str:
    """Its processors and versions, in a few words."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", info.read_text() if info.exists() else "", re.MULTILINE)
    name = found[1].strip() if found else platform.machine()
    return f"{os.cpu_count()} × {name}, Python {platform.python_version()}, {platform.system()}"


def kept(file: Path = KEPT) -> list[Figure]:
    """Those of the file."""
    return [_figure(each) for each in json.loads(file.read_text(encoding="utf-8"))] if file.exists() else []


def keep(figures: Iterable[Figure], file: Path = KEPT) -> None:
    """Write the file."""
    text = json.dumps([each.as_dict() for each in figures], indent=1, ensure_ascii=False)
    file.write_text(f"{text}\n", encoding="utf-8")


def merged(old: Sequence[Figure], new: Sequence[Figure], order: Sequence[str]) -> list[Figure]:
    """The new figures, and of the old ones those that were not measured again. ``order``: names of benchmarks."""
    again = {each.benchmark for each in new}
    stay = [each for each in old if each.benchmark in order and each.benchmark not in again]
    return sorted([*new, *stay], key=lambda each: order.index(each.benchmark))


def _figure(found: Mapping[str, Any]) -> Figure:
    names = Row.__dataclass_fields__
    row = Row(**{name: value for name, value in found.items() if name in names})
    return Figure(row, found["benchmark"], found["day"], found["machine"], found.get("commit", ""))
