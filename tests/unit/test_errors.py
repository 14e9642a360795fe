"""The error tree is the one drawn in its docstring, and every error has its reason word."""

import re

from notifier import errors


def _is_ours(value: object) -> bool:
    return isinstance(value, type) and value.__module__ == errors.__name__


def test_the_tree_is_the_one_that_is_drawn() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    defined = [name for name, value in vars(errors).items() if _is_ours(value) and name != "NotifierError"]
    assert drawn == defined
    assert all(issubclass(getattr(errors, name), errors.NotifierError) for name in drawn)


def test_no_two_errors_share_a_reason() -> None:
    reasons = [value.reason for value in vars(errors).values() if _is_ours(value)]
    assert len(reasons) == len(set(reasons))
