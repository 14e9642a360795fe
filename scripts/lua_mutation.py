"""Breaks the Lua files in small ways, and tells how many of these the tests notice.

``uv run python -m scripts.lua_mutation``: as scripts/mutation.py does for Python, with the same sample for the same
seed. A mutant is one token or one line that is changed; the tests of its file (``TESTS``) run with it until one fails.
"""

import argparse
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from scripts.mutation import ROOT, interval

TOKEN = re.compile(
    r"(?P<skip>--[^\n]*|'(?:\\.|[^'\\])*')|(?P<number>\b\d+\b)|(?P<word>\b(?:and|or|not|true|false|math\.min|math\.max)\b)"
    r"|(?P<sign><=|>=|==|~=|\.\.|[<>+*/-])"
)
OTHER = {
    "and": "or",
    "or": "and",
    "not": "",
    "true": "false",
    "false": "true",
    "math.min": "math.max",
    "math.max": "math.min",
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "~=",
    "~=": "==",
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
}
CALL = re.compile(r"^ +redis\.call\(.*\)\n", re.MULTILINE)
GATE = ("gate", "test_gate.py", "test_outbox.py", "test_counters.py", "test_records.py")
OUTBOX = ("test_outbox.py", "test_outbox_lua.py", "test_records.py", "test_terms.py", "test_forgetful_redis.py")
INCIDENTS = ("test_incidents.py", "test_incident_waiting.py", "test_incident_text.py", "test_incident_thread.py")
REMINDERS = ("test_reminders.py", "test_escalation.py", "test_acknowledged.py", "test_incident_view.py")
TESTS = {
    "admit": (
        *OUTBOX,
        *INCIDENTS,
        "test_memory.py",
        "test_collected.py",
        "test_admission_cost.py",
        "test_callbacks.py",
        "test_trigger.py",
        "test_partitions.py",
    ),
    "beat": ("test_fleet.py", "test_partitions.py", "test_forgotten.py"),
    "claim": (
        *OUTBOX,
        "test_fleet.py",
        "test_forgotten.py",
        "test_mentions.py",
        "test_newer.py",
        "test_clock_steps.py",
        "test_partitions.py",
        "test_trigger.py",
    ),
    "collected": ("test_collected.py", "test_quiet_hours.py"),
    "commit": (
        *OUTBOX,
        "test_parts.py",
        "test_progress.py",
        "test_failover.py",
        "test_counters.py",
        "test_incidents.py",
        "test_mentions.py",
        "test_listeners.py",
    ),
    "counted": (
        "test_digest.py",
        "test_silences.py",
        "test_incidents.py",
        "test_callbacks.py",
        "test_records.py",
        "test_counters.py",
    ),
    "digest": ("test_digest.py", "test_clock_steps.py"),
    "entry": (*OUTBOX, "test_digest.py"),
    "fleet": ("test_fleet.py", "test_own_machine.py"),
    "fold": ("test_digest.py", "test_memory.py", "test_records.py", "test_callbacks.py", "test_counters.py"),
    "forget": ("test_forgetful_redis.py", "test_flower_events.py", "test_counters.py"),
    "front": (*OUTBOX, "test_collected.py"),
    "incident": (*INCIDENTS, *REMINDERS, "test_partitions.py"),
    "known": (*OUTBOX, "test_dead_letters.py", "test_digest.py"),
    "memory": ("test_memory.py", "test_partitions.py", "test_partition_views.py"),
    "new_run": ("test_forgotten.py",),
    "newer": ("test_newer.py",),
    "outbox": (*OUTBOX, "test_clock_steps.py", "test_forgotten.py", "test_newer.py", "test_callbacks.py"),
    "overlooked": ("test_trigger.py",),
    "partition": ("test_partitions.py", "test_partition_views.py"),
    "quiet": ("test_quiet_hours.py",),
    "received": ("test_flower_events.py",),
    "record": ("test_records.py", "test_clock_steps.py", "test_outbox_lua.py", "test_outbox.py", "test_long_texts.py"),
    "refuse": (
        "test_records.py",
        "test_callbacks.py",
        "test_dead_letters.py",
        "test_clock_steps.py",
        "test_counters.py",
    ),
    "reminded": REMINDERS,
    "reminders": REMINDERS,
    "resume": ("test_forgotten.py",),
    "set_aside": ("test_unreadable.py", "test_clock_steps.py"),
    "silence": ("test_silences.py", "test_counters.py"),
    "silences": ("test_silences.py",),
    "sweep": (*OUTBOX, "test_self_monitor.py", "test_health.py", "test_clock_steps.py", "test_trigger.py", "gate"),
    "take_callbacks": ("test_callbacks.py", "test_clock_steps.py"),
    "take_reminders": REMINDERS,
    "unannounced": ("test_terms.py", "test_flower_events.py", "test_forgetful_redis.py"),
    "unmatched": ("../e2e/test_upgrade.py",),
    "withdraw": (
        "test_terms.py",
        "test_incident_waiting.py",
        "test_flower_events.py",
        "test_callbacks.py",
        "test_counters.py",
        "test_parts.py",
    ),
}
"""Files and folders of tests/integration, by the Lua file of the outbox whose mutants they run with."""
QUICK = ("-n0", "-q", "-m", "not slow", "-p", "no:cacheprovider")
FOLDERS, MUTATED = ("gate", "jobs", "outbox"), ("gate", "outbox")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file: what stands at ``start`` becomes ``new``."""

    file: str
    start: int
    old: str
    new: str

    @property
    def places(self) -> tuple[str, ...]:
        """Where the tests are that run with it."""
        folder, _, name = self.file.partition("/")
        tests = GATE if folder == "gate" else TESTS.get(name.removesuffix(".lua"), OUTBOX)
        return tuple(str(ROOT / "tests" / "integration" / each) for each in tests)

    def of(self, text: str) -> str:
        """The text of its file, changed."""
        return text[: self.start] + self.new + text[self.start + len(self.old) :]


def mutants_of(file: str, text: str) -> Iterator[Mutant]:
    """All of one file."""
    for found in TOKEN.finditer(text):
        old = found[0]
        if found["number"]:
            yield Mutant(file, found.start(), old, str(int(old) + 1))
        elif not found["skip"] and old in OTHER:
            yield Mutant(file, found.start(), old, OTHER[old])
    for found in CALL.finditer(text):
        yield Mutant(file, found.start(), found[0], "")


def main() -> None:
    """Run it. Raises: SystemExit, if too many mutants stay unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.lua_mutation", description=__doc__)
    parser.add_argument("words", nargs="*", help="only files in whose name one of these is")
    parser.add_argument("--sample", type=int, default=200, help="how many mutants; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--least", type=float, default=90, help="score (percent) below which this fails")
    given = parser.parse_args()
    texts = {
        path.relative_to(ROOT / "notifier").as_posix(): path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for path in sorted((ROOT / "notifier" / folder).glob("*.lua"))
    }
    every = [
        each for file, text in texts.items() if file.partition("/")[0] in MUTATED for each in mutants_of(file, text)
    ]
    every = [each for each in every if not given.words or any(word in each.file for word in given.words)]
    chosen = random.Random(given.seed).sample(every, min(given.sample or len(every), len(every)))  # noqa: S311
    _import_tests(chosen)
    noticed = sum(_is_noticed(each, texts) for each in chosen)
    score, low, high = interval(noticed, len(chosen))
    _say(f"{noticed} of {len(chosen)} mutants noticed, of {len(every)} in all (seed {given.seed}): "
         f"{score:.1f} %, 95 % interval {low:.1f} to {high:.1f} %")  # fmt: skip
    raise SystemExit(score < given.least)


def _import_tests(chosen: Sequence[Mutant]) -> None:
    """Import all that they run with, once: each run is a fork of this process."""
    import pytest

    import notifier.pipeline
    import notifier.worker.delivery  # noqa: F401

    with redirect_stdout(StringIO()):
        pytest.main([*QUICK, "--collect-only", *sorted({place for each in chosen for place in each.places})])


def _is_noticed(mutant: Mutant, texts: dict[str, str]) -> bool:
    with tempfile.TemporaryDirectory(prefix="lua-mutation-") as folder:
        package = Path(folder) / "notifier"
        for file, text in texts.items():
            (package / file).parent.mkdir(parents=True, exist_ok=True)
            (package / file).write_text(mutant.of(text) if file == mutant.file else text, encoding="utf-8")
        code = _run(mutant.places, package)
    line = texts[mutant.file].count("\n", 0, mutant.start) + 1
    _say(f"{'noticed' if code else 'NOT NOTICED'}  {mutant.file}:{line}: {mutant.old.strip()!r} → {mutant.new!r}")
    return code != 0


def _run(places: Sequence[str], package: Path) -> int:
    """The exit code of pytest, in a fork of this process."""
    import pytest

    from notifier.storage import scripts

    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.chdir(ROOT)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    scripts.files = lambda _: package  # type: ignore[assignment, attr-defined]
    os._exit(int(pytest.main([*QUICK, "-x", "--timeout", "60", *places])))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
