"""Runs Lua functions of the scripts alone, on a real Redis."""

from collections.abc import Sequence
from typing import Any

import redis


def run_lua(
    client: "redis.Redis", functions: str, program: str, *, keys: Sequence[str] = (), args: Sequence[object] = ()
) -> Any:
    """What ``program`` returns, which may call what ``functions`` (the text of Lua files) defines."""
    return client.eval(f"{functions}\n{program}", len(keys), *keys, *map(str, args))
