"""The events of a notification, as its hash has them."""

import json
from collections.abc import Mapping
from typing import Any


def events_of(found: Mapping[str, str]) -> list[dict[str, Any]]:
    """What happened to a notification, in order. ``found``: the fields of its hash.

    Of one that was delivered by its first batch they are stored in short (``shorten_ended`` in record.lua).
    """
    if "carried" not in found:
        events: list[dict[str, Any]] = json.loads(found.get("trail", "[]"))
        return events
    others, claimed_at, waited = found["carried"].split(" ", 2)
    return [
        {"at": float(claimed_at), "step": "batch", "with": int(others), "waited": json.loads(waited), "reason": ""},
        {"at": float(found["finished_at"]), "step": "complete", "status": found["status"], "reason": "", "detail": ""},
    ]
