"""Silences: alerts that one of them matches are kept in the history, and not posted."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, cast

import redis

from notifier.errors import InvalidMessage, NotificationNotFound
from notifier.gate.counters import counter_names
from notifier.gate.gate import microseconds
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.message_secrets import masked_value
from notifier.outbox.record import as_result, record
from notifier.outbox.steps import COUNTING_SCRIPTS
from notifier.outbox.terms import Terms
from notifier.render.cut import cut
from notifier.routing import PRIORITY
from notifier.settings import Settings
from notifier.status import Status
from notifier.storage.connection import broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script
from notifier.texts import clean

SILENCES_MAX = 100
"""Ours: each is looked at for each alert."""
DAYS_MAX = 30
"""Ours: the longest silence."""
LIFE_SECONDS = 2 * DAYS_MAX * 86_400
SILENCED_MAX = 10_000
"""Ours: records kept of silenced alerts, per type."""
TITLES_MAX, TITLE_CHARACTERS = 50, 100
"""Ours: titles that are counted by themselves, and how much of each."""
GLOB_CHARACTERS = 200
"""Ours: of one glob; it is matched inside Redis."""
PARTS = ("title", "source", "dedup_key")
"""What a silence may match, beside ``fields.NAME``."""


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence. ``match``: globs (``*``, ``?``, any case) of whole texts, by part; all have to match.

    ``alert_type``: '' for all but critical and security, which need ``forced``. ``until``: microseconds since 1970.
    """

    match: Mapping[str, str]
    until: int
    alert_type: str = ""
    by: str = ""
    why: str = ""
    forced: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def as_json(self) -> str:
        """As silences.lua reads it."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Silenced:
    """What a silence has kept away: how many, and how many of each title (``others``: of those beyond 50)."""

    count: int = 0
    titles: Mapping[str, int] = field(default_factory=dict)
    others: int = 0


class Silences:
    """The silences in Redis.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._keys = Keys(settings.key_prefix)
        self._settings = settings
        self._step = atomic_step(client, script(*COUNTING_SCRIPTS, "outbox/silence.lua"))

    def add(
        self,
        match: Mapping[str, str],
        seconds: float,
        *,
        alert_type: AlertType | None = None,
        by: str = "",
        why: str = "",
        forced: bool = False,
    ) -> Silence:
        """Begin a silence of so many seconds.

        Raises:
            InvalidMessage: it would match everything or a part that there is not, is too long, there are too many, or
                it is of critical or security alerts and not ``forced``.
        """
        if not match and alert_type is None:
            raise InvalidMessage("silence: name a type, or what is to match")
        for part in match:
            if part not in PARTS and not part.startswith("fields."):
                raise InvalidMessage(f"silence: {part!r} is none of {', '.join(PARTS)}, fields.NAME")
        if any(len(glob) > GLOB_CHARACTERS for glob in match.values()):
            raise InvalidMessage(f"silence: a glob has at most {GLOB_CHARACTERS} characters")
        if not 0 < seconds <= DAYS_MAX * 86_400:
            raise InvalidMessage(f"silence: expected more than no time and at most {DAYS_MAX} days")
        if alert_type in PRIORITY and not forced:
            raise InvalidMessage(f"silence: {alert_type} alerts are silenced by force alone (--force)")
        with broker_errors():
            if cast("int", self._redis.hlen(self._keys.silences)) >= SILENCES_MAX:
                raise InvalidMessage(f"silence: there are {SILENCES_MAX} already; end one")
            until = clock(self._redis) + microseconds(seconds)
            globs = {clean(part): clean(glob) for part, glob in match.items()}
            match, by, why = (self._masked(each) for each in (globs, clean(by), clean(why)))
            silence = Silence(match, until, alert_type or "", by, why, forced)
            self._store(silence.id, silence.as_json())
        return silence

    def _store(self, silence_id: str, text: str) -> None:
        pipeline = self._redis.pipeline()
        pipeline.hset(self._keys.silences, silence_id, text)
        pipeline.expire(self._keys.silences, LIFE_SECONDS)
        pipeline.execute()

    def _masked(self, given: Any) -> Any:
        """Without secrets, as the texts that it is to match."""
        return masked_value(given, self._settings.secret_patterns) if self._settings.mask_secrets else given

    def over(self) -> list[tuple[Silence, Silenced]]:
        """Those that have ended, and nobody has told of."""
        with broker_errors():
            now = clock(self._redis)
        return [(silence, silenced) for silence, silenced in self.list() if silence.until <= now]

    def end(self, silence_id: str) -> Silence:
        """End one now; the next sweep tells what it has kept away. Raises NotificationNotFound: there is none."""
        with broker_errors():
            text = cast("str | None", self._redis.hget(self._keys.silences, silence_id))
            if text is None:
                raise NotificationNotFound(f"no silence has the id {silence_id!r}")
            ended = {**json.loads(text), "until": clock(self._redis)}
            self._store(silence_id, json.dumps(ended))
        return _read(json.dumps(ended))

    def told(self, silence_id: str) -> None:
        """It is told what one has kept away."""
        with broker_errors():
            self._redis.hdel(self._keys.silences, silence_id)
            self._redis.delete(self._keys.silence_counts(silence_id))

    def keep(self, message: NotificationMessage, terms: Terms) -> str:
        """Store the record of an alert that one matches: ``silenced``, ``known`` or ``over`` (as silence.lua)."""
        stamp, kind, keys = uuid.uuid4().hex, message.alert_type, self._keys
        ended = record(
            message,
            Status.SILENCED,
            admitted_at=stamp,
            finished_at=stamp,
            detail=f"by the silence silence-{stamp}",
            text_bytes_max=self._settings.history_text_bytes,
        )
        asked = {
            "id": message.id,
            "type": kind,
            "title": cut(message.title, TITLE_CHARACTERS),
            "stamp": stamp,
            "callbacks": terms.callbacks,
            "life": round(self._settings.history_days * 86_400),
            "kept_max": SILENCED_MAX,
            "titles_max": TITLES_MAX,
            "notification_prefix": keys.notification(""),
            "result_prefix": keys.result(""),
            "counts_prefix": keys.silence_counts(""),
            "counters": counter_names(keys),
        }
        with broker_errors():
            answer = self._step(
                keys=[
                    *(keys.notification(message.id), keys.result(message.id), keys.history(kind), keys.silences),
                    *(keys.silenced(kind), keys.refused(kind), keys.callbacks, keys.dead_letters(kind)),
                ],
                args=[json.dumps(asked), message.model_dump_json(exclude_defaults=True), as_result(ended)],
            )
        return str(answer)

    def list(self) -> list[tuple[Silence, Silenced]]:
        """All that are not told of yet, the first to end first, and what each has kept away."""
        with broker_errors():
            stored = cast("dict[str, str]", self._redis.hgetall(self._keys.silences))
            found = sorted((_read(text) for text in stored.values()), key=lambda each: each.until)
            return [(each, self._silenced(each.id)) for each in found]

    def _silenced(self, silence_id: str) -> Silenced:
        found = cast("dict[str, str]", self._redis.hgetall(self._keys.silence_counts(silence_id)))
        titles = {name.removeprefix("title:"): int(many) for name, many in found.items() if name.startswith("title:")}
        by_count = dict(sorted(titles.items(), key=lambda each: -each[1]))
        return Silenced(int(found.get("count", 0)), by_count, int(found.get("others", 0)))


def _read(text: str) -> Silence:
    found: dict[str, Any] = json.loads(text)
    known = (each.name for each in fields(Silence))
    return Silence(**{name: found[name] for name in known if name in found})
