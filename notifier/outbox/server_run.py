"""The run of the Redis server: another one than before may have forgotten the last second of the one before."""

import uuid

import redis

from notifier.storage.keys import Keys
from notifier.storage.scripts import run_script, script

MARK = "return 1 -- notifier has noted this run of the server"
"""A script is the one thing that a server forgets in every case when it ends, and that no replica has."""


class ServerRun:
    """Notes a run of the server, once, before any claim or beat in it."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._text = script("gate/clock.lua", "outbox/new_run.lua")

    def note(self, client: "redis.Redis") -> None:
        """To be called before a server runs a script that it does not know."""
        run_script(client, MARK, self._note_new)

    def _note_new(self, client: "redis.Redis") -> None:
        keys = [self._keys.run, self._keys.workers]
        run_script(client, self._text, lambda _: None, keys, [uuid.uuid4().hex])
