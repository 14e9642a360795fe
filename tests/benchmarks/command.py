"""The command ``notifier-bench``: measures, prints, draws, and writes the tables of the pages."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.benchmarks import report
from tests.benchmarks.figures import Figure, keep, kept, measured_now, merged
from tests.benchmarks.lab import ROOT, Lab
from tests.benchmarks.row import Benchmark
from tests.benchmarks.rows import BENCHMARKS

PAGE = ROOT / "docs" / "benchmarks.md"
NAMES = [each.name for each in BENCHMARKS]
ABORTED = 130

HELP = f"""Measure this checkout beside the alternatives, in one run on this machine.

All of it runs on loopback, with a Redis, a sandbox and workers of its own. What is compared is measured in turn.
Exit code: 0, also where a goal is missed; 1: something could not be measured; 130: Ctrl-C.

\b
Examples:
  uv run notifier-bench                                   # about ten minutes
  uv run --group bench notifier-bench                     # dramatiq and rq too
  uv run notifier-bench --only delay-burst --quick        # seconds, and coarse
  uv run notifier-bench --full                            # what takes minutes too
  uv run notifier-bench --write README.md                 # and the table there
  uv run --group bench notifier-bench --plot figures.svg

\b
Names for --only:
{chr(10).join(f"  {each.name:14} {each.about}{' (--full)' if each.is_long else ''}" for each in BENCHMARKS)}
"""


@click.command(help=HELP)
@click.option("--only", "names", multiple=True, type=click.Choice(NAMES), metavar="NAME", help="Measure this one; may be repeated.")
@click.option("--quick", is_flag=True, help="As few rounds as show anything.")
@click.option("--full", is_flag=True, help="What takes minutes, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--plot", "picture", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Draw the figures: svg, png, pdf.")
@click.option(
    "--write", "page", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Write the table between the marks of this page, and docs/benchmarks.md; what was not measured keeps its last figure.",
)  # fmt: skip
def main(*, names: Sequence[str], quick: bool, full: bool, as_json: bool, picture: Path | None, page: Path | None) -> None:
    """Measure, and say what was found."""
    if quick and page:
        raise click.UsageError("--quick measures too little for --write")
    if picture:
        _need_matplotlib()
    chosen = [each for each in BENCHMARKS if each.name in names or (not names and (full or not each.is_long))]
    figures, trouble = _measure(chosen, quick=quick, full=full)
    if as_json:
        click.echo(json.dumps(report.as_json(figures), indent=1, ensure_ascii=False))  # noqa: TID251 - our own figures
    elif figures:
        Console().print(report.on_terminal(figures))
    if page:
        _write(page, figures)
    if picture:
        from tests.benchmarks.plot import draw

        draw(figures, picture)
    sys.exit(trouble)


def _need_matplotlib() -> None:
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("--plot needs matplotlib: uv run --group bench notifier-bench --plot FILE")


def _measure(chosen: Sequence[Benchmark], *, quick: bool, full: bool) -> tuple[list[Figure], int]:
    """The figures, and the exit code: what fails keeps nothing else from being measured."""
    figures: list[Figure] = []
    trouble = 0
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(chosen))
        for benchmark in chosen:
            progress.update(bar, description=benchmark.name)
            lab = Lab(quick=quick, full=full, says=lambda text, name=benchmark.name: progress.update(bar, description=f"{name}: {text}"))  # type: ignore[misc]
            try:
                figures += measured_now(benchmark, benchmark.measure(lab))
            except KeyboardInterrupt:
                console.print("Stopped; what was measured until then:")
                return figures, ABORTED
            except Exception as error:  # noqa: BLE001 - whatever it is, the others are measured
                console.print(f"{benchmark.name}: {type(error).__name__}: {error}", markup=False)
                trouble = 1
            progress.advance(bar)
    return figures, trouble


def _write(page: Path, figures: Sequence[Figure]) -> None:
    every = merged(kept(), figures, NAMES)
    keep(every)
    report.write(page, report.short_table(every))
    report.write(PAGE, report.long_table(every, BENCHMARKS))


if __name__ == "__main__":
    main()
