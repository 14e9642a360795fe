"""The run of the Redis server: another one than before may have forgotten the last second of the one before."""

import json
import uuid

import redis

from notifier.storage.keys import Keys
from notifier.storage.scripts import run_script, script

MARK = "return 1 -- notifier has noted this run of the server"
"""A script is the one thing that a server forgets in every case when it ends, and that no replica has."""


class ServerRun:
    """Notes a run of the server, once, before any claim or beat in it."""

    def __init__(self, client: "redis.Redis", keys: Keys) -> None:
        self._keys = keys
        self._own = json.dumps([client.connection_pool.connection_kwargs.get("db", 0), keys.run])
        self._text = script("gate/clock.lua", "outbox/new_run.lua")

    def note(self, client: "redis.Redis") -> None:
        """To be called before a server runs a script that it does not know."""
        run_script(client, self.marked(MARK), self._note_new)

    def marked(self, text: str) -> str:
        """The same script, as one of this deployment alone: others on the server note its run for themselves."""
        return f"{text}\n-- {self._own}"

    def _note_new(self, client: "redis.Redis") -> None:
        keys = [self._keys.run, self._keys.workers]
        run_script(client, self._text, lambda _: None, keys, [uuid.uuid4().hex])
