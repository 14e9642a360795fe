"""The command ``notifier-bench``: measures, prints, draws, and writes the tables of the pages."""

import importlib.util
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tests.benchmarks import pages, report
from tests.benchmarks.figures import Figure, checkout, keep, kept, measured_now, merged
from tests.benchmarks.lab import Lab
from tests.benchmarks.row import Benchmark
from tests.benchmarks.rows import BENCHMARKS

NAMES = [each.name for each in BENCHMARKS]
ABORTED = 130
READ = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITTEN = click.Path(dir_okay=False, path_type=Path)
WRITE_HELP = "Write the table between the marks of this page, and docs/. What was not measured keeps its figure."

HELP = f"""Measure this checkout beside the alternatives, in one run on this machine.

All of it runs on loopback, with a Redis, a sandbox and workers of its own. What is compared is measured in turn.
Exit code: 0, also where a goal is missed; 1: something could not be measured; 130: Ctrl-C.

\b
Examples:
  uv run notifier-bench                                   # about ten minutes
  uv sync --group bench && uv run notifier-bench          # dramatiq and rq too
  uv run notifier-bench --only delay-burst --quick        # seconds, and coarse
  uv run notifier-bench --full                            # what takes minutes too
  uv run notifier-bench --write README.md                 # and the table there
  uv run notifier-bench --plot figures.svg                # with the same group

\b
Names for --only:
{chr(10).join(f"  {each.name:14} {each.about}{' (--full)' if each.is_long else ''}" for each in BENCHMARKS)}
"""


@click.command(help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--only", "names", multiple=True, type=click.Choice(NAMES), metavar="NAME", help="Measure this; may be repeated."
)
@click.option("--quick", is_flag=True, help="As few rounds as show anything, and fewer alerts than rows say.")
@click.option("--full", is_flag=True, help="What takes minutes, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--plot", "picture", type=WRITTEN, metavar="FILE", help="Draw the figures: svg, png, pdf.")
@click.option("--write", "page", type=READ, metavar="FILE", help=WRITE_HELP)
def main(
    *, names: Sequence[str], quick: bool, full: bool, as_json: bool, picture: Path | None, page: Path | None
) -> None:
    """Measure, and say what was found."""
    _refuse_what_ends_in_vain(picture, page, quick=quick)
    chosen = [each for each in BENCHMARKS if each.name in names or (not names and (full or not each.is_long))]
    figures, code = measured(chosen, quick=quick, full=full)
    if as_json:
        click.echo(json.dumps(report.as_json(figures), indent=1, ensure_ascii=False))  # noqa: TID251 - our own figures
    elif figures:
        Console().print(report.on_terminal(figures))
    if page and code != ABORTED:
        every = merged(kept(), figures, NAMES)
        keep(every)
        pages.write(every, page)
    if picture:
        from tests.benchmarks.plot import draw

        draw(figures, picture)
    sys.exit(code)


def _refuse_what_ends_in_vain(picture: Path | None, page: Path | None, *, quick: bool) -> None:
    """Known before minutes of measuring. Raises: click.ClickException."""
    if quick and page:
        raise click.UsageError("--quick measures too little for --write")
    if page:
        try:
            report.between_marks(page.read_text(encoding="utf-8"), "")
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--write") from None
    if picture and importlib.util.find_spec("matplotlib") is None:
        raise click.ClickException("--plot needs matplotlib: uv sync --group bench")


def measured(chosen: Sequence[Benchmark], *, quick: bool, full: bool) -> tuple[list[Figure], int]:
    """The figures, and the exit code: what fails keeps nothing else from being measured."""
    figures: list[Figure] = []
    commit, trouble = checkout(), 0
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(chosen))
        for benchmark in chosen:
            progress.update(bar, description=benchmark.name)
            lab = Lab(quick=quick, full=full, says=partial(_say, progress, bar, benchmark.name))
            try:
                figures += measured_now(benchmark, benchmark.measure(lab), commit)
            except KeyboardInterrupt:
                console.print("Stopped; what was measured until then:")
                return figures, ABORTED
            except Exception as error:
                console.print(f"{benchmark.name}: {type(error).__name__}: {error}", markup=False)
                trouble = 1
            progress.advance(bar)
    return figures, trouble


def _say(progress: Progress, bar: TaskID, name: str, text: str) -> None:
    progress.update(bar, description=f"{name}: {text}")


if __name__ == "__main__":
    main()
