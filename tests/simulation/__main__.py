"""``python -m tests.simulation``: run many seeds, or look whether planted bugs are found."""

import logging

import click
from rich.progress import track

from notifier.cli.output import echo
from tests.simulation.plan import plan_of
from tests.simulation.planted import BUGS
from tests.simulation.redis_state import a_server
from tests.simulation.run import found_by, run, told


@click.command()
@click.option("--seeds", default=300, show_default=True, help="How many plans to run.")
@click.option("--first", default=0, show_default=True, help="The first of them.")
@click.option("--planted", is_flag=True, help="Instead: how many seeds each planted bug needs to be found.")
def main(seeds: int, first: int, planted: bool) -> None:
    """Run plans by seed. What breaks a promise is made as short as it can be, and shown.

    \b
    Examples:
      uv run python -m tests.simulation --seeds 20000
      uv run python -m tests.simulation --first 4711 --seeds 1
      uv run python -m tests.simulation --planted --seeds 2000

    Exit code: 1 if a promise was broken, or a planted bug was not found.
    """
    logging.disable(logging.CRITICAL)  # of the workers: what they do is in the trace
    with a_server() as one:
        if planted:
            found = {name: found_by(plant, range(seeds), one) for name, plant in BUGS.items()}
            for name, seed in found.items():
                echo(f"{name:55} {'not found' if seed is None else f'by seed {seed}'}")
            raise SystemExit(None in found.values())
        broken = 0
        for seed in track(range(first, first + seeds), "seeds"):
            if run(plan_of(seed), one)[0]:
                broken += 1
                echo(told(plan_of(seed), one))
        echo(f"{seeds} seeds, {broken} break a promise")
        raise SystemExit(broken > 0)


if __name__ == "__main__":
    main()
