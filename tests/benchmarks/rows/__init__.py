"""What is measured: one module for each, in the order of the table."""

from tests.benchmarks.row import Benchmark
from tests.benchmarks.rows import burst, delay, idle_way, importing, limit

BENCHMARKS: tuple[Benchmark, ...] = (
    delay.BURST,
    delay.IDLE,
    burst.BENCHMARK,
    idle_way.BENCHMARK,
    limit.SHORT_BURST,
    limit.LONG_BURST,
    importing.BENCHMARK,
)
