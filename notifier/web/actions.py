"""What the page does: each action is a POST (or DELETE) of JSON, says who does it and why, and is noted."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from notifier.counting import counted
from notifier.duration import moment_of, seconds_of
from notifier.errors import InvalidMessage, NotificationNotFound, NotifierError
from notifier.models import AlertType
from notifier.operations.acknowledge import acknowledge, resolve
from notifier.operations.audit import Author
from notifier.operations.dead_actions import each_of, noted
from notifier.operations.dead_letters import Selection
from notifier.operations.gate_switch import EDGE, GateSwitch
from notifier.operations.silences import silence_as_json
from notifier.outbox.silences import DAYS_MAX
from notifier.outbox.withdrawals import Withdrawal, in_words
from notifier.outcome import Reason
from notifier.web.answering import ACTION_HEADER, ACTION_VALUE, Answering
from notifier.web.reading import silences

IDS_MAX = 10_000
"""Ours: as many dead letters of one type are kept."""
ACTION_SECONDS = 15
"""Ours: what an action on many may take; the page asks again for those that are left."""
TURNS = "open|close|reset"
Given = dict[str, Any]


class Raced(NotifierError):
    """What an action is about has changed since the page showed it."""

    reason = "changed_meanwhile"


class Acting(Answering):
    """An action: ``do`` of each path."""

    async def posted(self, *args: str) -> None:
        """Do it."""
        await self.act(lambda given, author: self.do(given, author, *args))

    async def act(self, do: Callable[[Given, Author], Any]) -> None:
        """Read what is given, do it in a thread, and answer what it came to."""
        if self.shared.read_only:
            return self.refuse(403, "this page only shows: NOTIFIER_WEB_READ_ONLY is on", "read_only")
        if self.request.headers.get(ACTION_HEADER, "") != ACTION_VALUE:
            return self.refuse(403, f"an action has the header {ACTION_HEADER}: {ACTION_VALUE}", "no_action_header")
        given = fields_of(bytes(self._body))
        by, why = given.pop("by", None) or "", given.pop("why", None) or ""
        author = Author.of(by if str(by).strip() else self.user, why, self.settings)
        try:
            found = await self.shared.run(lambda: do(given, author))
        except Raced as error:
            return self.refuse(409, str(error), error.reason)
        return self.answer(found)

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """What it does; runs in a thread."""
        raise NotImplementedError

    @property
    def settings(self) -> Any:
        """Those of the pipeline."""
        return self.shared.pipeline.settings


def fields_of(body: bytes) -> Given:
    """The fields of a body. Raises InvalidMessage: it is no JSON object."""
    try:
        given = json.loads(body or b"{}")
        json.dumps(given, ensure_ascii=False).encode()  # half a character is no text that can be stored
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise InvalidMessage("body: expected a JSON object")
    return given


def no_more(given: Given) -> None:
    """Refuse what nobody has read. Raises InvalidMessage: there is some."""
    if given:
        raise InvalidMessage(f"unknown: {', '.join(sorted(map(str, given)))}"[:200])


class TurnGate(Acting):
    """``POST /api/gates/TYPE/open``, ``close``, ``reset``."""

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """The gates as they are now are the answer of ``GET /api/gates``."""
        name, turn = args
        no_more(given)
        switch: GateSwitch = self.shared.pipeline.gate_switch
        if name == EDGE and turn != "reset":
            raise InvalidMessage("edge: it can be reset alone")
        switch.turn(turn, [name], author)  # type: ignore[arg-type] # the address has one of TURNS
        return {turn: [name]}


class DeadLetterAction(Acting):
    """``POST /api/dead/replay``, ``/api/dead/drop``: ``ids``, or a ``filter`` and how many it is ``expected`` to match.

    The answer is that of ``notifier dead replay --json``: ``left`` are those for which there was no time or no room.
    """

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """Replay or drop."""
        (action,) = args
        letters, pipeline = self.shared.pipeline.dead_letters, self.shared.pipeline
        ids = self._chosen(given)
        no_more(given)

        def drop(notification_id: str) -> None:
            letters.drop(notification_id, author)

        def replay(notification_id: str) -> str:
            return letters.replay(notification_id, None, author)

        came_to = each_of(ids, replay if action == "replay" else drop, ACTION_SECONDS)
        noted(pipeline.audit, author, f"dead.{action}", ids, len(came_to.done))
        done: Any = [{"id": each, "as": new_id} for each, new_id in came_to.done.items()]
        if action == "drop":
            done = list(came_to.done)
        return {"replayed" if action == "replay" else "dropped": done, "failed": came_to.failed, "left": came_to.left}

    def _chosen(self, given: Given) -> list[str]:
        if ("ids" in given) is ("filter" in given):
            raise InvalidMessage("expected ids, or a filter")
        if "ids" in given:
            return _ids(given.pop("ids"))
        selection = _selection(given.pop("filter"))
        if type(expected := given.pop("expected", None)) is not int:
            raise InvalidMessage("expected: expected the number of dead letters that match")
        letters = self.shared.pipeline.dead_letters
        if (count := letters.count(selection)) != expected:
            raise Raced(f"that is {counted(count, 'dead letter')} now, not {expected}: look again")
        return [each["id"] for each in reversed(letters.list(selection))][:expected]


def _ids(given: object) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given) or len(given) > IDS_MAX:
        raise InvalidMessage(f"ids: expected a list of at most {IDS_MAX} ids")
    return list(dict.fromkeys(given))


def _selection(given: object) -> Selection:
    if not isinstance(given, dict) or any(not isinstance(each, str | None) for each in given.values()):
        raise InvalidMessage("filter: expected an object: type, reason, since, until")
    found = {name: text for name, text in given.items() if text}
    kind, reason = found.pop("type", None), found.pop("reason", None)
    since, until = (_moment(name, found.pop(name, None)) for name in ("since", "until"))
    no_more(found)
    return Selection(_type(kind) if kind else None, _one_of("reason", reason, Reason) if reason else None, since, until)


def _moment(name: str, text: str | None) -> datetime | None:
    return moment_of(name, text) if text else None


def _type(given: object) -> AlertType:
    return AlertType(_one_of("type", given, AlertType))


def _one_of(name: str, given: object, known: type[AlertType] | type[Reason]) -> str:
    if given not in [each.value for each in known]:
        raise InvalidMessage(f"{name}: expected one of {', '.join(known)}")
    return str(given)


class IncidentAction(Acting):
    """``POST /api/incidents/TYPE/KEY/ack``, ``…/resolve``."""

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """As ``notifier ack``; or an alert that says it is over."""
        kind, key, action = _type(args[0]), args[1], args[2]
        no_more(given)
        pipeline = self.shared.pipeline
        parts = pipeline.redis, pipeline.keys, pipeline.records, pipeline.client
        if action == "ack":
            found = acknowledge(*parts, key, [kind], by=author.by, why=author.why)
        else:
            found = [resolve(*parts, key, kind, by=author.by, why=author.why)]
        pipeline.audit.note(author, f"incident.{action}", f"{kind} {key}")
        return found


class Silences(Acting):
    """``GET /api/silences``; ``POST``: ``match``, ``type``, ``for`` (``2h``), ``force``."""

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """As ``notifier silence add``."""
        match, kind, forced = given.pop("match", {}), given.pop("type", None), given.pop("force", False)
        seconds = seconds_of("for", given.pop("for", ""), DAYS_MAX)
        no_more(given)
        if not isinstance(match, Mapping) or any(not isinstance(each, str) for each in match.values()):
            raise InvalidMessage("match: expected an object of globs")
        globs = {str(part): glob for part, glob in match.items() if glob}
        wanted = _type(kind) if kind else None
        begun = self.shared.pipeline.silences.add(
            globs, seconds, alert_type=wanted, by=author.by, why=author.why, forced=forced is True
        )
        self.shared.pipeline.audit.note(author, "silence.add", begun.id)
        return silence_as_json(begun)

    async def get(self) -> None:
        """As ``notifier silence list``."""
        self.answer(await self.shared.run(lambda: silences(self.shared.pipeline)))


class SilenceEnd(Acting):
    """``DELETE /api/silences/ID``."""

    posted = None  # type: ignore[assignment]

    async def deleted(self, silence_id: str) -> None:
        """End it."""
        await self.act(lambda given, author: self.do(given, author, silence_id))

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """As ``notifier silence end``."""
        no_more(given)
        ended = self.shared.pipeline.silences.end(args[0])
        self.shared.pipeline.audit.note(author, "silence.end", ended.id)
        return silence_as_json(ended)


class Withdraw(Acting):
    """``POST /api/alerts/ID/withdraw``."""

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """As ``notifier withdraw``; 409 if it is too late."""
        no_more(given)
        pipeline = self.shared.pipeline
        came_to = pipeline.withdraw(args, str(author))[args[0]]
        if came_to is Withdrawal.NOT_FOUND:
            raise NotificationNotFound(f"no alert has the id {args[0]!r} (or it is forgotten by now)")
        if came_to is not Withdrawal.WITHDRAWN:
            raise Raced(f"it does not wait any more: {in_words(came_to, pipeline.records.get(args[0]))}")
        pipeline.audit.note(author, "alert.withdraw", args[0])
        return {args[0]: came_to}


class ForgetJob(Acting):
    """``POST /api/jobs/NAME/forget``."""

    def do(self, given: Given, author: Author, *args: str) -> Any:
        """As ``notifier job forget``."""
        no_more(given)
        if not self.shared.pipeline.jobs.forget(args[0]):
            raise NotificationNotFound(f"no job {args[0]!r} is known")
        self.shared.pipeline.audit.note(author, "job.forget", args[0])
        return {"forgotten": args[0]}


TYPES = "|".join(AlertType)
ACTIONS: list[tuple[str, type[Acting]]] = [
    (rf"/api/gates/((?:{TYPES})(?:\.[0-9]{{1,2}})?|{EDGE})/({TURNS})", TurnGate),
    ("/api/dead/(replay|drop)", DeadLetterAction),
    (f"/api/incidents/({TYPES})/(.+)/(ack|resolve)", IncidentAction),
    ("/api/silences", Silences),
    ("/api/silences/([^/]+)", SilenceEnd),
    ("/api/alerts/(.+)/withdraw", Withdraw),
    ("/api/jobs/(.+)/forget", ForgetJob),
]
"""By address."""
