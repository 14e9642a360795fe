"""What is said of an alert whose fields are refused."""

from collections.abc import Collection

from pydantic import ValidationError

from notifier.given_parts import FIELD
from notifier.message_parts import nearest


def unknown_name(name: str, known: Collection[str]) -> str:
    """That no field has this name, and which is near."""
    near = nearest(name, known)
    return f"{name}: not a field of a NotificationMessage" + (f"; {near}?" if near else "")


def named(error: ValidationError) -> str:
    """Each part that is wrong, by its place, and why; never its value, which may be a secret."""
    said = []
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        place, why = [str(part) for part in item["loc"]], item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            near = nearest(place[-1], FIELD)
            why = f"not a part of {place[0]}" + (f"; {near}?" if near else "")
        said.append(f"{'.'.join(place) or 'message'}: {why}")
    return "; ".join(said)
