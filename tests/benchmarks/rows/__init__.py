"""What is measured: one module for each, in the order of the table."""

from tests.benchmarks.row import Benchmark
from tests.benchmarks.rows import (
    burst,
    delay,
    depth,
    far,
    flood,
    history,
    idle_way,
    importing,
    kept,
    limit,
    scale,
    worker_memory,
)

BENCHMARKS: tuple[Benchmark, ...] = (
    delay.BURST,
    delay.IDLE,
    burst.BENCHMARK,
    idle_way.BENCHMARK,
    limit.SHORT_BURST,
    limit.OTHERS,
    limit.LONG_BURST,
    depth.BENCHMARK,
    kept.BENCHMARK,
    importing.BENCHMARK,
    worker_memory.BENCHMARK,
    flood.BENCHMARK,
    history.BENCHMARK,
    scale.BENCHMARK,
    far.BENCHMARK,
)
