"""How long an alert that nothing holds back takes, from the call to its result."""

from collections.abc import Sequence

from tests.benchmarks import bare_tasks
from tests.benchmarks.lab import Lab, percentile
from tests.benchmarks.programs import idle_way
from tests.benchmarks.row import Benchmark, Row, ratio


def measure(lab: Lab) -> Sequence[Row]:
    """Both sides in turn, on one Redis and one sandbox, each with a worker of its own."""
    with lab.place() as place:
        sandbox = place.sandbox(limits=False)
        place.worker()
        place.worker("-Q", "bare", "-c", "8", app=bare_tasks.__name__, name="bare")
        url = f"{sandbox.variables['DISCORD_WEBHOOK_ERRORS']}?wait=true"
        times = place.run(idle_way, rounds=lab.rounds(150, 25), url=url)
    ours, bare, steps = (percentile(times[name], 0.5) for name in ("ours", "bare", "steps"))
    took = {"ours ms": ours * 1e3, "bare Celery ms": bare * 1e3}
    took |= {f"p99: {name} ms": percentile(times[name], 0.99) * 1e3 for name in ("ours", "bare")}
    took |= {"ours: its steps in Redis ms": steps * 1e3, "ours without these ×": ratio(ours - steps, bare)}
    what = "one alert on an idle pipeline, .delay() to .get(), p50"
    return [Row(what, ratio(ours, bare), "×", 1.1, "a bare Celery task with a requests.Session", took)]


BENCHMARK = Benchmark(
    "idle-way",
    "one alert, from the call to its result",
    measure,
    "150 alerts, one at a time with a pause between them, ours and a bare Celery task that posts with a `requests.Session` in turn; each side has a worker. "
    "The sandbox has no limits (ours keeps to 30 a minute and channel all the same, so the alerts are of six types). "
    "Its steps in Redis are an admission, a claim and a commit, by Redis' own clock (`INFO commandstats` behind each alert).",
)
