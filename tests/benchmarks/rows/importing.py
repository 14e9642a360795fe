"""What importing us costs an application, against what it would import anyway."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.lab import Lab, median, plain_environment
from tests.benchmarks.row import Benchmark, Row, ratio

BUILT = "; app.finalize(); app.amqp.queues"
"""Both build their tasks and queues in the end, whatever they leave for later."""
OURS = "from tasks import send_notification; app = send_notification['error'].app" + BUILT
THEIRS = "from bare_import import app" + BUILT


def measure(lab: Lab) -> Sequence[Row]:
    """Processor seconds of processes that import and end."""
    pairs = []
    with tempfile.TemporaryDirectory() as bytecode:
        for number in range(lab.rounds(25, 7) + 1):
            lab.says(f"pair {number}")
            pair = tuple(_processor_seconds(program, bytecode) for program in (OURS, THEIRS))
            if number:  # bytecode is there from now on
                pairs.append(pair)
    ours, theirs = (median(side) for side in zip(*pairs, strict=True))
    figure = ratio(median([one / other for one, other in pairs]), 1)
    took = {"ours ms": ours * 1e3, "theirs ms": theirs * 1e3}
    return [
        Row("import of the caller's side", figure, "×", 1.3, "Celery, pydantic and redis-py imported without us", took)
    ]


def _processor_seconds(program: str, bytecode: str) -> float:
    """What one process uses, to the microsecond: ``os.times`` counts hundredths of a second."""
    environment = {**plain_environment(), "PYTHONPYCACHEPREFIX": bytecode}
    before = _of_children()
    subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[1], env=environment, timeout=60, check=True
    )
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


BENCHMARK = Benchmark(
    "import",
    "what importing us costs an application",
    measure,
    "25 pairs of processes import `send_notification`, or Celery, kombu, redis-py, pydantic and pydantic-settings, build as many tasks and queues, and "
    "end. The figure is the median of the pairs' ratios of processor time.",
)
