"""What the atomic steps of the outboxes share."""

from notifier.gate.gate import GATE_SCRIPTS
from notifier.settings import Settings
from notifier.storage.keys import WAITING_LIFE_SECONDS

CACHE = ("gate/small_set.lua", "gate/cache.lua")
"""Before all others, for a step that asks for the same again and again."""
_PARTITION = "outbox/partition.lua"
_ENTRY = ("outbox/known.lua", "outbox/entry.lua")
_OUTBOX = (*GATE_SCRIPTS, *_ENTRY, "outbox/record.lua", "outbox/outbox.lua")
OUTBOX_SCRIPTS = (*_OUTBOX, "outbox/incident.lua")
"""The files whose functions they call, in order."""
# of incident.lua, what calls those of reminders.lua is called by these alone
COUNTING_SCRIPTS = (
    *(*_OUTBOX, "outbox/reminders.lua", "outbox/incident.lua"),
    *("outbox/counted.lua", "outbox/silences.lua", "outbox/memory.lua", _PARTITION),
)
"""The same for those that may count an alert in place of taking it."""
ADMISSION_SCRIPTS = ("gate/clock.lua", *_ENTRY, "outbox/silences.lua", "outbox/memory.lua", _PARTITION)
"""The same for one that takes an alert. Redis makes each function anew in each call, which took a third of its time."""
COLLECTED = "outbox/collected.lua"
CLAIM_SCRIPTS = (
    "outbox/claimed.lua",
    "outbox/pinged.lua",
    "outbox/fleet.lua",
    "outbox/expiry.lua",
    "outbox/front.lua",
    "outbox/newer.lua",
    "outbox/quiet.lua",
    COLLECTED,
)
"""Beside ``OUTBOX_SCRIPTS``, what a claim calls."""
COMMIT_SCRIPTS = (
    "outbox/claimed.lua",
    "outbox/late.lua",
    "outbox/listeners.lua",
    "outbox/outage.lua",
    "outbox/progress.lua",
)
"""And a commit."""
WITNESS_SECONDS = 2.0
"""How long a worker's key has to be missing before it counts as dead."""


def waiting_life_seconds(settings: Settings) -> int:
    """How long the keys of what waits are kept. It is swept and expires long before, unless no worker runs at all."""
    return WAITING_LIFE_SECONDS + round(settings.expire_seconds)
