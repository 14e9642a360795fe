"""What Redis and redis-py say when they fail: kept in their words, with the next step."""

import re
from typing import NamedTuple

from notifier.errors import Waiting

WORDS_MAX = 400
"""Ours: characters kept of what Redis said."""
NOT_SHOWN = (
    r"^Error -?\d+ connecting to \S+\. (?=\S)",  # the text names the place by itself
    r"(?s)^Command # \d+ \(.*\) of pipeline caused error: ",  # the arguments: an alert's text
    r"(?s),? with args beginning with:.*",  # the same
    r"^Error (?:running|compiling) script \([^)]*\): ",
    r"@?user_script: ?\d+: ?-?",
    r",? ?script: [0-9a-f]{40}, on @user_script:\d+\.?",
)
"""What says nothing to a reader (where in a script it was), or too much."""
SENTINELS = r"(?s)(No master found for '[^']*')(.*)"
"""What follows shows the options of each connection, its password too; and what each sentinel said."""
SAID = r" - \w+\((['\"])(.*?)\1\)"
IN_SCRIPT = "user_script"


class Cause(NamedTuple):
    """A kind of failure: how it is recognised, and what helps. No pattern is compiled before something fails.

    ``waiting``: whether it helps to wait. ``untouched``: Redis has done nothing of what it was asked.
    ``also_in_scripts``: even if a script was running, for Redis refuses its first write. ``subject``: of the sentence.
    """

    pattern: str
    next_step: str
    waiting: Waiting = "maybe"
    untouched: bool = True
    also_in_scripts: bool = False
    subject: str = "Redis"


NOTHING_THERE = "no Redis"
NO_REDIS = "does what listens there speak Redis' protocol (a TLS port needs rediss://)? Else see the log of Redis"
CAUSES = (
    Cause(r"No master found|MasterNotFoundError", "are these the sentinels? see master_name in docs/redis.md"),
    Cause(
        r"(?:Moved|Ask|ClusterCrossSlot|ClusterDown)Error: |: (?:MOVED|ASK|CROSSSLOT|CLUSTERDOWN) ",
        "REDIS_URL names a node of a Redis Cluster, which is not supported; see docs/redis.md",
        waiting="never",
    ),
    Cause(
        r"NoPermissionError|executing the script can't|ACL failure",
        "the Redis user of REDIS_URL lacks a right; docs/redis.md lists them",
        waiting="never",
    ),
    Cause(
        r"Authentication(?:Error|WrongNumber\w*)|AuthorizationError",
        "check the user name and the password of REDIS_URL; docs/redis.md says how they are written",
        waiting="never",
    ),
    Cause(
        r"OutOfMemoryError|used memory > 'maxmemory'",
        "Redis is full: raise its maxmemory or free some",
        also_in_scripts=True,
    ),
    Cause(
        r"ReadOnlyError|read only replica",
        "REDIS_URL names a replica: name the master, or the sentinels",
        also_in_scripts=True,
    ),
    Cause(r"MISCONF", "Redis cannot save to its disk: see its log", also_in_scripts=True),
    Cause(
        r"MasterDownError|MASTERDOWN",
        "REDIS_URL names a replica that has lost its master: name the master, or the sentinels",
        also_in_scripts=True,
    ),
    Cause(r"BusyLoadingError|LOADING", "Redis is starting: try again soon", waiting="surely"),
    Cause(r"BUSY", "a script holds Redis up: `redis-cli script kill` ends one that has written nothing"),
    Cause(r"[Mm]ax(?:imum)? number of clients", "raise Redis' maxclients, or lower max_connections in REDIS_URL"),
    Cause(r"DB index is out of range", "REDIS_URL names a database that this Redis does not have", waiting="never"),
    Cause(
        r"WRONGTYPE",
        "a key of ours holds something else: does another program use this database and NOTIFIER_KEY_PREFIX?",
        untouched=False,
    ),
    Cause(r"CERTIFICATE_VERIFY|certificate", "see ssl_ca_certs in docs/redis.md"),
    Cause(r"SSL", "is that a TLS port? rediss:// is for TLS, redis:// for a plain port"),
    Cause(r"InvalidResponse|Protocol Error|UnicodeDecodeError", NO_REDIS, waiting="never"),
    Cause(
        r"Error -\d+ connecting|Name or service not known|name resolution",
        "this machine cannot resolve the host of REDIS_URL",
        subject=NOTHING_THERE,
    ),
    Cause(r"Timeout connecting", "does Redis run there, and is that a TLS port if REDIS_URL begins with rediss://?"),
    Cause(
        r"Error \d* ?connecting|connecting to",
        "does Redis run there, and is REDIS_URL right?",
        subject=NOTHING_THERE,
    ),
    Cause(r"No connection available", "all connections of this process are in use; see max_connections"),
    Cause(r"TimeoutError|Timeout", "Redis or the network is overloaded or stopped", untouched=False),
    Cause(r"ConnectionError", NO_REDIS, untouched=False),
)
"""The first that fits counts. It is looked for in ``Class: words``."""
UNKNOWN = Cause("", "see REDIS_URL and the log of Redis", untouched=False)


def cause_of(error: Exception) -> tuple[str, Cause]:
    """What Redis said, without what is not to be shown, and the kind of failure."""
    raw = str(error)
    named = f"{type(error).__name__}: {raw}"
    cause = next((each for each in CAUSES if re.search(each.pattern, named)), UNKNOWN)
    words = _without_connections(raw)
    for each in NOT_SHOWN:
        words = re.sub(each, "", words)
    return " ".join(words.split())[:WORDS_MAX] or type(error).__name__, cause


def _without_connections(raw: str) -> str:
    found = re.fullmatch(SENTINELS, raw)
    return raw if found is None else "; ".join([found[1], *(said for _, said in re.findall(SAID, found[2]))])


def may_have_begun(error: Exception, cause: Cause) -> bool:
    """Whether Redis may have done what it was asked, or a part of it."""
    return not cause.untouched or (IN_SCRIPT in str(error) and not cause.also_in_scripts)
