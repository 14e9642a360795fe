"""The Redis of the simulation: a real server that runs the real scripts, by the simulation's clock."""

import hashlib
from collections.abc import Callable
from typing import Any, cast

import redis
from redis.client import Pipeline

CLOCK, LIVES = "simulation:clock", "simulation:lives"

SHIM = f"""
local function simulated(name, key, ...)
  local function now() return tonumber(redis.call('GET', '{CLOCK}')) end
  if name == 'TIME' then return {{ 0, now() }} end
  if name == 'EXPIRE' or name == 'PEXPIRE' then
    if redis.call('EXISTS', key) == 0 then return 0 end
    local unit = name == 'EXPIRE' and 1000000 or 1000
    redis.call('HSET', '{LIVES}', key, now() + tonumber((...)) * unit)
    return 1
  end
  if name ~= 'SET' then return redis.call(name, key, ...) end
  local given, kept, life = {{ ... }}, {{}}, nil
  local position = 1
  while position <= #given do
    if given[position] == 'PX' or given[position] == 'EX' then
      life = tonumber(given[position + 1]) * (given[position] == 'EX' and 1000000 or 1000)
      position = position + 1
    else
      table.insert(kept, given[position])
    end
    position = position + 1
  end
  local answer = redis.call('SET', key, unpack(kept))
  if life then
    redis.call('HSET', '{LIVES}', key, now() + life)
  else
    redis.call('HDEL', '{LIVES}', key)
  end
  return answer
end
"""
"""Stands before each script: time and the lives of keys are those of the simulation."""

EXPIRE_DUE = f"""
local now = tonumber(ARGV[1])
redis.call('SET', '{CLOCK}', ARGV[1])
local lives = redis.call('HGETALL', '{LIVES}')
for position = 1, #lives, 2 do
  local key, at = lives[position], tonumber(lives[position + 1])
  if at <= now then redis.call('DEL', key) end
  if at <= now or redis.call('EXISTS', key) == 0 then redis.call('HDEL', '{LIVES}', key) end
end
"""

Operate = Callable[[Callable[[], Any]], Any]
"""Makes one operation on Redis, as far as the simulation lets it: it may fail, come late, or lose its answer."""


planted: list[tuple[str, str]] = []
"""Bugs: what stands in scripts in place of what."""


def of_simulation(text: str) -> str:
    """A script as it runs in the simulation."""
    for right, wrong in planted:
        text = text.replace(right, wrong)
    return SHIM + text.replace("redis.call(", "simulated(")


class SimulatedPipeline(Pipeline):
    """Its commands are one operation."""

    operate: Operate

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As redis-py's."""
        return cast("list[Any]", self.operate(lambda: super(SimulatedPipeline, self).execute(raise_on_error)))


class SimulatedRedis(redis.Redis):
    """The client of one process."""

    def __init__(self, pool: "redis.ConnectionPool", operate: Operate, now: Callable[[], int]) -> None:
        super().__init__(connection_pool=pool)
        self._operate = operate
        self._now = now
        self._digests: dict[str, str] = {}

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis-py's."""
        run = super().execute_command
        return self._operate(lambda: run(*args, **options))  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> SimulatedPipeline:
        """As redis-py's."""
        made = SimulatedPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)
        made.operate = self._operate
        return made

    def time(self, **_: Any) -> Any:
        """The simulation's."""
        now: int = self._operate(self._now)
        return divmod(now, 1_000_000)

    def register_script(self, script: Any) -> Any:
        """As redis-py's."""
        return super().register_script(of_simulation(script))

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Any) -> Any:
        """As redis-py's; the digest may be that of the script as it is outside."""
        return super().evalsha(self._digests.get(sha, sha), numkeys, *keys_and_args)

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """As redis-py's."""
        text = of_simulation(script)
        self._digests[_digest(script)] = _digest(text)
        return super().eval(text, numkeys, *keys_and_args)


def _digest(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Server:
    """The server: what it holds can be remembered and brought back, as after a crash that took the last writes."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self._expire_due = client.register_script(EXPIRE_DUE)

    def begin(self, now: int) -> None:
        """Empty it."""
        self.client.flushall()
        self.restart()
        self.client.set(CLOCK, now)

    def tick(self, now: int) -> None:
        """Set its clock, and let go of what has reached the end of its life."""
        self._expire_due(args=[now])

    def restart(self) -> None:
        """It forgets its scripts."""
        self.client.script_flush()
        self._expire_due.registered_client.script_load(EXPIRE_DUE)

    def remember(self) -> dict[bytes, bytes]:
        """All that it holds now."""
        raw = redis.Redis(connection_pool=_raw(self.client))
        keys = sorted(cast("list[bytes]", raw.keys("*")))
        pipeline = raw.pipeline(transaction=False)
        for key in keys:
            pipeline.dump(key)
        return dict(zip(keys, pipeline.execute(), strict=True))

    def forget(self, since: dict[bytes, bytes], now: int) -> None:
        """Hold what it held then; its clock goes on."""
        raw = redis.Redis(connection_pool=_raw(self.client))
        pipeline = raw.pipeline(transaction=False)
        pipeline.flushdb()
        for key, value in since.items():
            pipeline.restore(key, 0, value)
        pipeline.set(CLOCK, now)
        pipeline.execute()


def _raw(client: "redis.Redis") -> "redis.ConnectionPool":
    known = client.connection_pool.connection_kwargs
    return redis.ConnectionPool(host=known["host"], port=known["port"], db=known.get("db", 0))
