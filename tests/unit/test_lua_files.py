"""Each Lua file tells a stranger how to call it, and names no key of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import notifier
from notifier.gate.gate import GATE_SCRIPTS
from notifier.outbox.steps import CACHE, CLAIM_SCRIPTS, COLLECTED, COUNTING_SCRIPTS, OUTBOX_SCRIPTS
from notifier.storage.scripts import IS_BELOW, script
from tests.simulation.planted import BUGS
from tests.simulation.redis_state import planted

PACKAGE = Path(notifier.__file__).parent
CHECKOUT = PACKAGE.parent
FILES = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.lua"))}
STEPS = {name: text for name, text in FILES.items() if "ARGV" in re.sub(r"--.*", "", text)}
SHARED = {name: text for name, text in FILES.items() if name not in STEPS}
LOCALS_MAX = 200
FUNCTION = re.compile(r"^local function (\w+)(\(.*\))", re.MULTILINE)


def header(text: str) -> str:
    """The comment that a file begins with."""
    found = re.match(r"(--.*\n)*", text)
    return found[0] if found else ""


def words_of_others(name: str) -> str:
    """The code of all other files."""
    return "\n".join(text for other, text in FILES.items() if other != name)


def numbers(text: str) -> Iterator[int]:
    """Those of a list as ``1-5 …, 6 …``."""
    for first, last in re.findall(r"\b(\d+)(?:-(\d+))?\b", text):
        yield from range(int(first), int(last or first) + 1)


def test_there_are_files_of_both_kinds() -> None:
    assert set(GATE_SCRIPTS) <= set(SHARED)
    assert {"gate/webhook_info.lua", "outbox/claim.lua"} <= set(STEPS)


@pytest.mark.parametrize("name", STEPS)
def test_a_steps_header_lists_its_keys_and_arguments_and_what_it_returns(name: str) -> None:
    found = re.search(r"^-- KEYS: (?P<KEYS>.*)^-- ARGV: (?P<ARGV>.*)^-- Returns", header(STEPS[name]), re.M | re.S)
    assert found, "KEYS, ARGV and Returns, in this order"
    for array in ("KEYS", "ARGV"):
        used = {int(number) for number in re.findall(rf"\b{array}\[(\d+)\]", STEPS[name])}
        assert used <= set(numbers(found[array])), array


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_files_header_lists_each_function_that_others_call(name: str) -> None:
    others = words_of_others(name)
    for function, arguments in FUNCTION.findall(SHARED[name]):
        if re.search(rf"\b{function}\(", others):
            listed = re.search(rf"\b{function}\b(\(.*?\))?", header(SHARED[name]))
            assert listed, function
            assert listed[1] in (None, arguments), "the header's arguments are those of the function"


@pytest.mark.parametrize("name", SHARED)
def test_no_shared_function_is_left_unused(name: str) -> None:
    for function, _ in FUNCTION.findall(SHARED[name]):
        code = re.sub(r"--.*", "", "\n".join(FILES.values()))
        assert len(re.findall(rf"\b{function}\(", code)) > 1, function


@pytest.mark.parametrize("name", FILES)
def test_key_names_come_from_the_caller(name: str) -> None:
    assert "notifier:" not in FILES[name]


def test_the_linter_knows_the_shared_files_in_their_order() -> None:
    listed = re.findall(r'"(\w+/\w+\.lua)"', (CHECKOUT / ".luacheckrc").read_text())
    assert tuple(listed[: len(CACHE) + len(GATE_SCRIPTS)]) == (*CACHE, *GATE_SCRIPTS)
    assert set(listed) == set(SHARED)


def locals_of(*names: str) -> int:
    """How many locals files have outside of functions."""
    lists = re.findall(r"^local (?:function )?(\w+(?:, \w+)*)", "\n".join(FILES[name] for name in names), re.MULTILINE)
    return sum(each.count(",") + 1 for each in lists)


def test_a_step_has_room_for_more_locals_than_it_has() -> None:
    of_claims, of_admissions = (*OUTBOX_SCRIPTS, *CLAIM_SCRIPTS), (*COUNTING_SCRIPTS, COLLECTED)
    assert of_claims[0] == of_admissions[0] == "gate/clock.lua"
    assert IS_BELOW in FILES["gate/clock.lua"], "so those up to there are not of the same function"
    shared = max(locals_of(*of_claims[1:]), locals_of(*of_admissions[1:]))
    assert shared < LOCALS_MAX - 10, "of all that a script calls; Redis refuses more than 200"
    assert max(map(locals_of, STEPS)) < LOCALS_MAX - 10
    assert script("outbox/claim.lua").startswith("return (function() "), "those of a step are its own"


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_of_the_simulation_is_in_lines_that_are_there(bug: str) -> None:
    with BUGS[bug]():
        assert all(any(right in text for text in FILES.values()) for right, _ in planted)
