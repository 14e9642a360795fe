"""Which users and roles a message may ping, and which it does."""

import re
from dataclasses import dataclass, field
from typing import Any

from notifier.sandbox.form import Form

IDS = 100
"""Most ids in ``users`` and in ``roles`` (Discord docs, message.mdx)."""

KINDS = ("users", "roles", "everyone")


@dataclass(frozen=True, slots=True)
class AllowedMentions:
    """Which mentions in the content notify. The default of webhooks is users only (Discord docs, message.mdx)."""

    parse: tuple[str, ...] = ("users",)
    users: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def pings(self, content: str) -> "Pings":
        """The mentions of ``content`` that notify; those in embeds never do."""
        users = re.findall(r"<@!?(\d+)>", content)
        roles = re.findall(r"<@&(\d+)>", content)
        return Pings(
            [each for each in dict.fromkeys(users) if "users" in self.parse or each in self.users],
            [each for each in dict.fromkeys(roles) if "roles" in self.parse or each in self.roles],
            "everyone" in self.parse and bool(re.search(r"@(everyone|here)\b", content)),
        )


@dataclass(frozen=True, slots=True)
class Pings:
    """Who is notified."""

    users: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)
    everyone: bool = False

    def as_fields(self) -> dict[str, Any]:
        """The three keys of the message object that list them."""
        people = [
            {
                "id": user,
                "username": f"user-{user}",
                "avatar": None,
                "discriminator": "0",
                "public_flags": 0,
                "flags": 0,
                "global_name": None,
                "primary_guild": None,
            }
            for user in self.users
        ]
        return {"mentions": people, "mention_roles": self.roles, "mention_everyone": self.everyone}


def read_allowed_mentions(form: Form) -> AllowedMentions:
    """The ``allowed_mentions`` of a message; errors go to the form."""
    if form.values.get("allowed_mentions") is None:
        return AllowedMentions()
    inner = form.child("allowed_mentions")
    if inner is None:
        return AllowedMentions(parse=())
    parse = _parse(inner)
    users, roles = _ids(inner, "users"), _ids(inner, "roles")
    inner.flag("replied_user")
    for kind, ids in (("users", users), ("roles", roles)):
        if kind in parse and ids:
            message = f'parse:["{kind}"] and {kind}: [ids...] are mutually exclusive.'
            form.wrong("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    return AllowedMentions(parse, users, roles)


def _parse(form: Form) -> tuple[str, ...]:
    items = form.items("parse", len(KINDS))
    for index, kind in items.values.items() if items else ():
        if kind not in KINDS:
            items.wrong(index, "BASE_TYPE_CHOICES", f"Value must be one of {KINDS}.") if items else None
    kinds = tuple(kind for kind in items.values.values() if kind in KINDS) if items else ()
    if len(set(kinds)) < len(kinds):
        form.wrong("parse", "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
    return kinds


def _ids(form: Form, key: str) -> tuple[str, ...]:
    items = form.items(key, IDS)
    if items is None:
        return ()
    ids = [items.snowflake(index) for index in items.values]
    if len(set(ids)) < len(ids):
        form.wrong(key, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
    return tuple(each for each in ids if each is not None)
