"""Discord's ids: time in the upper bits, so ids sort by arrival."""

EPOCH_MS = 1_420_070_400_000
"""First millisecond of 2015, where Discord's time begins (Discord docs, reference.mdx)."""

TIME_SHIFT = 22
"""Bits below the time: 5 worker, 5 process, 12 increment (Discord docs, reference.mdx)."""

LARGEST = 9_223_372_036_854_775_807
"""Largest id accepted, a signed 64-bit integer (error text in seraphx2/ado-discord-webhook#10)."""


class Snowflakes:
    """Gives out ids, each larger than the one before even within a millisecond or when the clock goes back."""

    def __init__(self) -> None:
        self._last = 0

    def new(self, now: float) -> str:
        """An id for something that happened at ``now`` (epoch seconds)."""
        self._last = max((int(now * 1000) - EPOCH_MS) << TIME_SHIFT, self._last + 1)
        return str(self._last)
