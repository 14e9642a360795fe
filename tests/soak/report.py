"""The report of a soak: Markdown for people, a dict for programs."""

import platform
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import psutil

from notifier.version import VERSION
from tests.soak.account import Account
from tests.soak.memory import Memory

EXAMPLES = 5
SAMPLES_SHOWN = 12


def as_object(facts: Mapping[str, Any], account: Account, memory: Memory, faults: Mapping[str, int]) -> dict[str, Any]:
    """All figures."""
    return {
        **facts,
        **asdict(account),
        "lost": account.lost,
        "faults": dict(faults),
        "memory": {
            name: {
                "mebibytes": [round(each.mebibytes, 1) for each in samples],
                "growth": memory.growth(name),
                "threads": [each.threads for each in samples],
                "files": [each.files for each in samples],
            }
            for name, samples in memory.samples.items()
        },
        "redis_mebibytes": [round(used, 2) for _, used in memory.redis],
    }


def markdown(figures: Mapping[str, Any]) -> str:
    """The same as a page."""
    lines = [
        f"# Soak of {figures['minutes']:.1f} minutes, seed {figures['seed']}",
        "",
        f"notifier {VERSION}, {figures['date']}, {platform.system()} {platform.machine()}, {psutil.cpu_count()} cores,"
        f" Python {platform.python_version()}. {figures['workers']} workers, {figures['callers']} applications.",
        "",
        "| figure | |",
        "| --- | --- |",
        f"| alerts whose call returned | {figures['accepted']:,} of {figures['raised']:,} |",
        f"| lost | {figures['lost']} |",
        f"| in a channel twice | {figures['doubled']}; unmarked "
        f"{len(figures['wrong'].get('twice, and neither says so', []))} |",
        f"| 429 by our own fault | {figures['unasked']} of {sum(figures['requests'].values()):,} requests |",
        f"| faults | {sum(figures['faults'].values())} |",
        f"| longest call of an application | {figures['longest_call']:.2f} s |",
        f"| until all had ended, after the last fault | {figures['drain_seconds']:.0f} s |",
        "",
    ]
    for name in ("kinds", "ended", "refused", "requests", "faults", "errors_logged"):
        lines += [f"## {name.replace('_', ' ').capitalize()}", "", *_table(figures[name]), ""]
    lines += ["## Memory (MiB, over the run)", "", "| process | MiB | growth since its warm-up | threads | files |"]
    lines += ["| --- | --- | --- | --- | --- |", *(_memory(name, of) for name, of in figures["memory"].items())]
    lines += [f"| Redis' data | {_spread(figures['redis_mebibytes'])} | | | |", "", "## Wrong", ""]
    lines += [f"- {name}: {len(found)}; {'; '.join(found[:EXAMPLES])}" for name, found in figures["wrong"].items()]
    return "\n".join([*lines, *([] if figures["wrong"] else ["nothing"]), ""])


def _table(counts: Mapping[str, int]) -> list[str]:
    rows = [f"| {name or '(none)'} | {count:,} |" for name, count in sorted(counts.items(), key=lambda each: -each[1])]
    return ["| what | count |", "| --- | --- |", *rows]


def _memory(name: str, of: Mapping[str, Any]) -> str:
    growth = "" if of["growth"] is None else f"{of['growth'][0]:.3f} × ({of['growth'][1]:+.1f} MiB an hour)"
    return f"| {name} | {_spread(of['mebibytes'])} | {growth} | {_spread(of['threads'])} | {_spread(of['files'])} |"


def _spread(values: list[float]) -> str:
    step = max(1, len(values) // SAMPLES_SHOWN)
    return " ".join(f"{each:g}" for each in values[::step])
