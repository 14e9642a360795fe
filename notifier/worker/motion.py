"""Whether the loops of this worker go round, told by the loops themselves."""

import time
from collections.abc import Callable, Mapping

LIMITS_SECONDS = {"main loop": 120.0, "sweeper": 300.0}
"""Ours: how long a round may take. Each attempt to connect is one of the main loop's, and an unanswered look-up of a
name takes half a minute; a sweep may hand over a spool."""


class Motion:
    """Notes when each loop went round last; any thread may do so.

    Args:
        limits_seconds: by the name of the loop; each counts as noted now.
    """

    def __init__(
        self, limits_seconds: Mapping[str, float] = LIMITS_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits = limits_seconds
        self._clock = clock
        self._last = dict.fromkeys(limits_seconds, clock())

    def note(self, loop: str) -> None:
        """It goes round."""
        self._last[loop] = self._clock()

    @property
    def stuck(self) -> str:
        """Which of them stand still, in words; '' if none does."""
        now = self._clock()
        late = {name: now - at for name, at in self._last.items() if now - at > self._limits[name]}
        return "; ".join(f"its {name} stands still for {seconds:.0f} s" for name, seconds in late.items())
