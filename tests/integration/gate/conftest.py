"""The gate's Lua files, each alone on a real Redis. Time is an argument of their functions: it moves as a test says."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from notifier.storage.connection import connect
from notifier.storage.scripts import script
from tests.integration.lua import run_lua

SECOND = 1_000_000
START = 1_800_000_000 * SECOND

CALL = """
local function reply(...)
  local values = {}
  for position = 1, select('#', ...) do
    local value = select(position, ...)
    if value == nil then value = cjson.null end
    values[position] = value
  end
  return cjson.encode(values)
end
local given = cjson.decode(ARGV[1])
for position = 1, #given do
  if given[position] == cjson.null then given[position] = nil end
end
return reply(%s(unpack(given, 1, tonumber(ARGV[2]))))
"""

Call = Callable[..., Any]
LoadLua = Callable[..., Call]


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    """A Redis with nothing in it."""
    client = connect(redis_url, 5)
    yield client
    client.close()


@pytest.fixture
def load_lua(client: "redis.Redis") -> LoadLua:
    """Loads Lua files, and no others: ``call(function, *arguments)`` is what a function returns; several are a list."""

    def load(*files: str) -> Call:
        text = script(*files)

        def call(function: str, *arguments: object) -> Any:
            told = run_lua(client, text, CALL % function, args=[json.dumps(arguments), len(arguments)])
            values = list(json.loads(told))
            return values[0] if len(values) == 1 else values or None

        return call

    return load
