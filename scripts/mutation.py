"""Breaks the core in small ways, and tells how many of these the tests notice.

``uv run python -m scripts.mutation``: mutmut makes the mutants (``[tool.mutmut]`` in pyproject.toml)
and runs those tests of each that call what it has changed. All of them take hours: a sample is drawn, the same for the
same seed, and the score is told with its confidence interval of 95 %.
"""

import argparse
import json
import math
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
MUTANTS = ROOT / "mutants"
KILLED = frozenset({1, 3, 24, 36, 37, -24, 152, 255, -9, -11})
"""mutmut's exit codes of a mutant that a test (or the time that its tests may take) has noticed."""
Z = 1.96
"""Of the normal distribution: 95 % lie within."""
FIRST = "notifier.gate.feedback*"
"""A few mutants: the run in which all are made, and in which it is seen which tests call what."""


def main() -> None:
    """Run it. Raises: SystemExit, with the mutants that no test has noticed, if they are too many."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=400, help="how many mutants; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--least", type=float, default=90, help="score (percent) below which this fails")
    given = parser.parse_args()
    run = ["uv", "run", "--group", "mutation", "mutmut", "run", "--max-children", str(given.processes)]
    subprocess.run([*run, FIRST], cwd=ROOT, check=True)
    names = sorted(results())
    chosen = random.Random(given.seed).sample(names, min(given.sample or len(names), len(names)))  # noqa: S311
    subprocess.run([*run, *chosen], cwd=ROOT, check=True)
    codes = {name: code for name, code in results().items() if name in set(chosen)}
    survivors = sorted(name for name, code in codes.items() if code not in KILLED)
    noticed = len(codes) - len(survivors)
    sys.stdout.write("".join(f"not noticed: {each}\n" for each in survivors))
    sys.stdout.write(told(noticed, len(codes), len(names), given.seed))
    raise SystemExit(noticed < given.least / 100 * len(codes))


def told(noticed: int, tried: int, of: int, seed: int) -> str:
    """The score in words."""
    score, low, high = interval(noticed, tried)
    interval_told = f"{score:.1f} %, 95 % interval {low:.1f} to {high:.1f} %"
    return f"{noticed} of {tried} mutants noticed, of {of} in all (seed {seed}): {interval_told}\n"


def results() -> Mapping[str, int | None]:
    """Mutmut's exit code by the name of each mutant; None: it was not run."""
    found: dict[str, int | None] = {}
    for meta in sorted(MUTANTS.rglob("*.py.meta")):
        found |= json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def interval(noticed: int, tried: int) -> tuple[float, float, float]:
    """Score, and Wilson's interval of it, in percent."""
    share, spread = noticed / tried, Z**2 / tried
    middle, half = share + spread / 2, Z * math.sqrt(share * (1 - share) / tried + spread / tried / 4)
    return 100 * share, 100 * (middle - half) / (1 + spread), 100 * (middle + half) / (1 + spread)


if __name__ == "__main__":
    main()
