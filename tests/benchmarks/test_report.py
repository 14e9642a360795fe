"""notifier-bench: what it prints, draws and writes; and that what was not measured keeps its last figure."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.benchmarks import command, figures, pages, report
from tests.benchmarks.figures import Figure, keep, kept, merged
from tests.benchmarks.lab import ROOT, UNLIMITED, Lab
from tests.benchmarks.row import Benchmark, Row
from tests.benchmarks.rows import BENCHMARKS
from tests.benchmarks.rows.limit import least_seconds

OLD = Figure(Row("speed", 2.0, "×", 1.5, "bare"), "first", "2026-01-01", "old machine")
FAST = Row("speed", 0.333, "×", 0.35, "bare", {"ours µs": 10.0}, {"rq": 0.5})
NEW = Figure(FAST, "first", "2026-02-02", "new machine", "0123abc")
OTHER = Figure(Row("size", 1_230.0, "bytes", None, "its JSON"), "second", "2026-01-01", "old machine")


def measured(lab: Lab) -> list[Row]:
    return [NEW.row]


def broken(lab: Lab) -> list[Row]:
    raise RuntimeError("no such machine")


def stopped(lab: Lab) -> list[Row]:
    raise KeyboardInterrupt


def of(**measures: object) -> tuple[Benchmark, ...]:
    return tuple(Benchmark(name, "about", measure, "How.") for name, measure in measures.items())  # type: ignore[arg-type]


def test_what_was_not_measured_keeps_its_last_figure_and_its_day(tmp_path: Path) -> None:
    keep([OLD, OTHER], tmp_path / "figures.json")
    every = merged(kept(tmp_path / "figures.json"), [NEW], ["first", "second"])
    assert every == [NEW, OTHER]
    table = report.short_table(every)
    assert "| speed | 0.33 × | ≤ 0.35 × | bare | 2026-02-02 |" in table
    assert "| size | 1,230 bytes |  | its JSON | 2026-01-01 |" in table
    assert "Goals met: 1 of 1." in table
    assert "Measured 2026-02-02 (commit 0123abc) on new machine; 2026-01-01 on old machine." in table


def test_a_day_is_told_once_with_all_commits_that_were_measured_on_it() -> None:
    every = [replace(NEW, commit=commit) for commit in ("", "4567def", "0123abc", "0123abc")]
    assert "\nMeasured 2026-02-02 (commits 0123abc and 4567def and others) on new machine." in report.short_table(every)
    assert "\nMeasured 2026-02-02 on new machine." in report.short_table(every[:1])
    both = report.short_table([replace(NEW, day="2026-02-03"), NEW])
    assert "\nMeasured 2026-02-02 (commit 0123abc) and 2026-02-03 (commit 0123abc) on new machine." in both


def test_a_count_reads_as_words_do() -> None:
    row = Row("trips", 1, "round trips", 1, "none", {"took s": 1, "requests:": 10, "seen batches/s": 1})
    (cells,) = [
        line for line in report.parts_table([Figure(row, "far", "", "")], ["far"]).split("\n") if "trips" in line
    ]
    assert cells == "| trips | 1 round trip | took 1 s; requests: 10; seen 1 batches/s |"
    assert report.amount(9.474, "commands") == "9.47 commands"


def test_a_figure_has_the_commit_of_the_checkout_that_was_measured(tmp_path: Path) -> None:
    (figure,) = figures.measured_now(of(good=measured)[0], [FAST], figures.checkout())
    assert (ROOT / ".git").exists() == bool(re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?", figure.commit))
    keep([figure], tmp_path / "figures.json")
    assert kept(tmp_path / "figures.json") == [figure]


def test_a_goal_that_is_not_met_says_so() -> None:
    table = report.short_table([OLD, OTHER])
    assert "| speed | 2.00 × | ≤ 1.5 ×, not met | bare |" in table
    assert "Goals met: 0 of 1." in table


def test_a_benchmark_that_is_gone_takes_its_figures_along() -> None:
    assert merged([OLD, OTHER], [], ["second"]) == [OTHER]


def test_a_table_is_written_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    for _ in range(2):
        page.write_text(report.between_marks(page.read_text(), "new"))
    assert page.read_text() == f"before\n{report.BEGIN}\n\nnew\n\n{report.END}\nafter\n"
    with pytest.raises(ValueError, match="expected 1 times these marks"):
        report.between_marks("a page", "new")


def test_the_pages_say_what_was_measured_last() -> None:
    figures = kept()
    for page, between in pages.texts(figures).items():
        written = page.read_text(encoding="utf-8")
        assert report.between_marks(written, *between) == written, "run: uv run python -m tests.benchmarks.pages"


def test_a_figure_says_whether_its_goal_is_met_and_what_stands_beside_it() -> None:
    console = Console(width=100, record=True, force_terminal=False)
    console.print(report.on_terminal([NEW, OTHER]))
    text = console.export_text()
    assert "0.33 ×" in text
    assert "ours 10 µs; rq 0.50 ×" in text
    assert (NEW.row.is_met, OLD.row.is_met, OTHER.row.is_met) == (True, False, True)


def test_what_fails_keeps_nothing_else_from_being_measured() -> None:
    figures, code = command.measured(of(broken=broken, good=measured), quick=True, full=False)
    assert ([each.row for each in figures], code) == ([NEW.row], 1)


def test_ctrl_c_prints_what_was_measured_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "BENCHMARKS", of(good=measured, stopped=stopped, never=broken))
    done = CliRunner().invoke(command.main, ["--json", "--quick"])
    assert done.exit_code == 130
    assert '"what": "speed"' in done.output


def test_names_and_figures_are_one_for_each() -> None:
    names = [each.name for each in BENCHMARKS]
    assert len(set(names)) == len(names)
    assert {each.benchmark for each in kept()} <= set(names)
    whats = [each.row.what for each in kept()]
    assert len(set(whats)) == len(whats)


@pytest.mark.parametrize(("requests", "seconds"), [(1, 0), (5, 0), (10, 2), (30, 10), (31, 60), (100, 182)])
def test_the_least_that_discords_limits_allow(requests: int, seconds: float) -> None:
    assert least_seconds(requests) == pytest.approx(seconds)


def test_no_benchmark_lifts_the_limits_of_the_process_that_looks_at_it() -> None:
    assert BENCHMARKS
    assert UNLIMITED not in sys.modules
