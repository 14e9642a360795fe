"""Each promise has tests that exist, and each way to break it still has its place in the code."""

from pathlib import Path

import pytest

from scripts import promises
from scripts.mutation import interval
from scripts.promises import Break, Promise, Section, found_in, sections, wrong
from scripts.promises_page import PAGE, page

HERE = "tests/unit/test_promises.py"


def test_each_promise_has_tests_that_exist_and_breaks_that_break_something() -> None:
    assert wrong(sections()) == []


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: uv run python -m scripts.promises_page"


def test_what_is_wrong_with_a_promise_is_told() -> None:
    change = Break(HERE, "nobody writes " + "this", "that")
    nothing = Break(HERE, "import pytest\n", "import pytest\n")
    promises = (
        Promise("none", ()),
        Promise("gone", (f"{HERE}::test_of_nothing", f"{HERE}::wrong", "tests/gone.py::test_it")),
        Promise("twice", (f"{HERE}::test_the_page_is_up_to_date",) * 2),
        Promise("twice", (f"{HERE}::test_the_page_is_up_to_date",), (change, nothing)),
    )
    assert wrong([Section("all", promises)]) == [
        "'twice' is there twice",
        "'none' has no test",
        f"'gone': there is no test {HERE}::test_of_nothing",
        f"'gone': there is no test {HERE}::wrong",
        "'gone': there is no test tests/gone.py::test_it",
        f"'twice' names {HERE}::test_the_page_is_up_to_date twice",
        f"'twice': {HERE} has 'nobody writes {'this'}' 0 times: name another break in tests/promises",
        "'twice': a break changes nothing",
    ]


def test_a_test_in_a_class_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promises, "ROOT", tmp_path)
    text = "class TestIt:\n    def test_one(self): ...\n    def helper(self): ...\n\nasync def test_two(): ...\n"
    (tmp_path / "test_of_this_test.py").write_text(text)
    assert found_in("test_of_this_test.py") == {"TestIt::test_one", "test_two"}


@pytest.mark.parametrize(("noticed", "tried", "expected"), [(90, 100, (90, 82.6, 94.5)), (400, 400, (100, 99, 100))])
def test_a_score_has_wilsons_interval(noticed: int, tried: int, expected: tuple[float, float, float]) -> None:
    assert interval(noticed, tried) == pytest.approx(expected, abs=0.1)
