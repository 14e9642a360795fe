"""The events of a notification are read in both forms in which they are stored."""

import json

from notifier.operations.events import events_of


def test_those_of_one_that_its_first_batch_delivered_are_read_from_the_short_form() -> None:
    found = {"carried": '9 1800000000000000 {"rate_limited": 2000000}', "finished_at": "1800000003000000"}
    claimed, ended = events_of({**found, "status": "delivered"})
    assert claimed["at"] == 1.8e15
    assert (claimed["step"], claimed["with"], claimed["waited"]) == ("batch", 9, {"rate_limited": 2_000_000})
    assert (ended["at"], ended["step"], ended["status"]) == (1.800000003e15, "complete", "delivered")


def test_any_others_are_read_as_they_are() -> None:
    events = [
        {"at": 1, "step": "batch", "with": 0, "waited": {}},
        {"at": 2, "step": "retry_later", "reason": "timeout"},
    ]
    assert events_of({"trail": json.dumps(events)}) == events
    assert events_of({"admitted_at": "1"}) == []
