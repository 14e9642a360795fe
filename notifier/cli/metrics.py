"""``notifier metrics``: the pipeline in figures."""

import click

from notifier.cli.output import echo_as_is, json_option, print_json


@click.command()
@json_option
def metrics(as_json: bool) -> None:
    """Print what was counted and how things are now, as text that Prometheus reads.

    What is counted stands in Redis, so every machine prints the same, but for its own spool. `notifier web` serves it
    at /metrics. If Redis does not answer, notifier_redis_up is 0.

    \b
    Examples:
      notifier metrics
      notifier metrics --json
      notifier metrics > notifier.tmp && mv notifier.tmp /var/lib/node_exporter/notifier.prom

    Exit code: 0; 1 if Redis does not answer (what is known is printed all the same).
    """
    from notifier.operations.metrics import exposition, metrics_as_json  # imports Celery: --help need not
    from notifier.pipeline import client_pipeline

    found = client_pipeline().metrics()
    if as_json:
        print_json(metrics_as_json(found))
    else:
        echo_as_is(exposition(found).rstrip("\n"))  # wrapped lines are none of Prometheus'
    if not any(sample.value for each in found if each.name == "notifier_redis_up" for sample in each.samples):
        raise SystemExit(1)
