"""The assertion that a webhook's token is nowhere."""

from collections.abc import Mapping

import redis

MARKS = ("fake-token", "abcdefg", "bcdefgh", "cdefghi", "defghij", "efghijk", "fghijkl")
"""Every token that tests use begins with one of these, so that any of them is found wherever it leaks."""


def assert_no_secrets(*, redis: "redis.Redis | None" = None, texts: Mapping[str, str] | None = None) -> None:
    """No token in any text, and none in any key or value of a Redis."""
    found = [name for name, text in (texts or {}).items() if _has_secret(text)]
    if redis is not None:
        found += [f"Redis key {key}" for key in redis.eval(HOLDING, 0, *MARKS)]
    assert found == [], f"a webhook token is in: {', '.join(found)}"


def _has_secret(text: str) -> bool:
    return any(mark in text for mark in MARKS)


HOLDING = """
local read = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  set = function(key) return redis.call('SMEMBERS', key) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1) end,
  stream = function(key) return redis.call('XRANGE', key, '-', '+') end,
}
local function holds(value)
  if type(value) == 'table' then
    for _, each in ipairs(value) do
      if holds(each) then return true end
    end
    return false
  end
  for _, mark in ipairs(ARGV) do
    if string.find(value, mark, 1, true) then return true end
  end
  return false
end
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if holds(key) or holds(read[redis.call('TYPE', key)['ok']](key)) then table.insert(found, key) end
end
return found
"""
"""The keys that hold one of ARGV, in their name or their value. The server looks: this is done after each test, and to
send all that it holds takes longer."""
