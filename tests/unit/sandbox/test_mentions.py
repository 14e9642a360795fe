"""Who is pinged."""

from typing import Any

import pytest

from notifier.sandbox.rules import read_message

TEXT = "@everyone <@1> <@!2> <@&3>"


@pytest.mark.parametrize(
    ("allowed", "users", "roles", "everyone"),
    [
        (None, ["1", "2"], [], False),
        ({"parse": []}, [], [], False),
        ({}, [], [], False),
        ({"parse": ["everyone", "roles"]}, [], ["3"], True),
        ({"users": ["2", "9"]}, ["2"], [], False),
        ({"parse": ["users"], "roles": ["3"]}, ["1", "2"], ["3"], False),
    ],
)
def test_only_what_is_allowed_notifies_and_the_default_is_users(
    allowed: dict[str, Any] | None, users: list[str], roles: list[str], everyone: bool
) -> None:
    draft = read_message({"content": TEXT, "allowed_mentions": allowed})
    pings = draft.allowed_mentions.pings(draft.content)
    assert (pings.users, pings.roles, pings.everyone) == (users, roles, everyone)
