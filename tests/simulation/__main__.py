"""``python -m tests.simulation``: run many seeds, or look whether planted bugs are found."""

from functools import partial
from multiprocessing.pool import Pool

import click
from rich.console import Console
from rich.progress import Progress

from notifier.cli.output import echo
from tests.simulation.planted import BUGS
from tests.simulation.pool import pool_of, sought, tried
from tests.simulation.table import lines, write


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", default=300, show_default=True, help="How many plans to run.")
@click.option("--first", default=0, show_default=True, help="The first of them.")
@click.option("--processes", default=1, show_default=True, help="How many run at once, each with a Redis of its own.")
@click.option(
    "--planted",
    is_flag=True,
    help="Instead: which seed finds each planted bug, first the known one; writes the table in CONTRIBUTING.md.",
)
def main(seeds: int, first: int, processes: int, planted: bool) -> None:
    """Run plans by seed. What breaks a promise is made as short as it can be, and shown. Ctrl-C ends it.

    \b
    Examples:
      uv run python -m tests.simulation --seeds 20000 --processes 2
      uv run python -m tests.simulation --first 4711 --seeds 1
      uv run python -m tests.simulation --planted --seeds 2000

    Exit code: 1 if a promise was broken, or a planted bug was not found. 130: it was ended before.
    """
    act = _plant if planted else _try
    with pool_of(processes) as pool, Progress(console=Console(stderr=True)) as progress:
        raise SystemExit(act(pool, progress, seeds, first))


def _try(pool: Pool, progress: Progress, seeds: int, first: int) -> int:
    task, ran, broken = progress.add_task("seeds", total=seeds), 0, 0
    try:
        for text in pool.imap_unordered(tried, range(first, first + seeds)):
            ran += 1
            progress.update(task, advance=1)
            if text:
                broken += 1
                echo(text)
    except KeyboardInterrupt:
        echo(f"ended before: {ran} of {seeds} seeds ran, {broken} break a promise")
        return 130
    echo(f"{seeds} seeds from {first}, {broken} break a promise")
    return int(broken > 0)


def _plant(pool: Pool, progress: Progress, seeds: int, first: int) -> int:
    task, rows = progress.add_task("bugs", total=len(BUGS)), []
    try:
        for row in pool.imap(partial(sought, first=first, seeds=seeds), BUGS):
            progress.update(task, advance=1)
            rows.append(row)
    except KeyboardInterrupt:
        return 130
    finally:
        for line in lines(rows):
            echo(line)
    write(rows)
    return int(any(found is None for _, found in rows))


if __name__ == "__main__":
    main()
