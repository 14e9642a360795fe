"""What the Discord of the simulation knows of each webhook: its requests, and what it has posted."""

from dataclasses import dataclass, field
from typing import Any

from notifier.outcome import Answer
from notifier.routing import Partition
from tests.simulation.scheduler import Process


@dataclass
class Posted:
    """One copy of an alert in a channel."""

    name: str
    at: int
    is_marked: bool
    request: "Request"
    message_id: str


@dataclass
class Request:
    """One post, as it reached Discord."""

    at: int
    by: Process
    begun_at: int
    """When its worker made it."""
    webhook: str
    """The id of the one that it was made to."""
    outbox: Partition
    """Whose alerts it carries."""
    claimed_from: int
    """When the claim that led to it began."""
    is_probe: bool = False
    """Whether the breaker was half-open when it was made."""
    answered: bool = False
    """Whether its worker has got Discord's answer."""
    answer: Answer | None = None
    """What that is."""
    committed_at: int | None = None
    """When that answer was stored."""


@dataclass
class Posts:
    """What one webhook has posted, and what of its bucket is left."""

    posted: list[Posted] = field(default_factory=list)
    free_at: int = 0
    """When all requests of the bucket are back."""
    made: int = 0
    """Requests of the period under way, if it does not slide."""
    under_way: list[Request] = field(default_factory=list)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The embeds of each message by its id, as they are now."""
    threads: dict[str, str] = field(default_factory=dict)
    """The thread that each message of a forum is in."""
    is_forum: bool = False
    """Whether its channel is one: then each post has a name."""
    ended_by: str = ""
    """The answer that says that the webhook is no more."""
