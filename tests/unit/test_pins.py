"""The upper bound on redis-py is kombu's own: it goes once kombu takes a later one."""

import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REDIS_EXTRA = {"extra": "redis"}


def required_by_kombu() -> Requirement:
    """What the installed kombu asks of redis-py."""
    wanted = [Requirement(each) for each in requires("kombu") or []]
    (found,) = [each for each in wanted if each.name == "redis" and each.marker and each.marker.evaluate(REDIS_EXTRA)]
    return found


def bound(distribution: str) -> Requirement:
    """What this project asks of a distribution."""
    (found,) = [each for each in map(Requirement, PROJECT["dependencies"]) if each.name == distribution]
    return found


def test_the_locked_kombu_still_refuses_the_redis_py_that_the_pin_refuses() -> None:
    (pinned,) = re.findall(r"<([\d.]+)", str(bound("redis").specifier))
    assert pinned not in required_by_kombu().specifier, (
        f"kombu {version('kombu')} takes redis-py {pinned}: raise the pin in pyproject.toml"
    )
    assert version("redis") in required_by_kombu().specifier


@pytest.mark.parametrize("distribution", ["celery", "redis"])
def test_each_pin_has_its_reason_beside_it(distribution: str) -> None:
    lines = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    (place,) = [number for number, line in enumerate(lines) if re.match(rf'\s+"{distribution}(\[\w+\])?[>=]', line)]
    assert "<" in lines[place]
    assert "test_pins.py" in lines[place - 1]
