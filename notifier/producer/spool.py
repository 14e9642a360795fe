"""Alerts on the caller's own disk while Redis is away: durable, bounded, in order, shared by several processes."""

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from notifier.errors import BrokerUnavailable, InvalidMessage, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.payload import PAYLOAD_VERSION, version_of
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.producer.own_files import refuse_foreign
from notifier.version import VERSION

FILE = "alerts.sqlite3"
SUFFIXES = ("", "-journal", "-wal", "-shm")
"""Of the file itself, and of those that SQLite has beside it: it takes over what it finds there."""
BUSY_SECONDS = 0.5
"""Ours: how long a process waits while others write; with the default timeout, the disk's part of it."""
BYTES_MAX = 2**30
"""Ours: the default of NOTIFIER_SPOOL_BYTES_MAX."""
PAGE = 10
"""Ours: alerts that are read at once: each may have 8 MiB."""
TABLE = """
create table if not exists alerts (
    position integer primary key autoincrement,
    id text not null unique,
    alert_type text not null,
    message text not null,
    spooled_at real not null,
    maybe_posted integer not null,
    unreadable_to text not null default '',
    not_before real not null default 0,
    expires_at real,
    callbacks text not null default '',
    version integer not null default 1
)
"""
COLUMNS = tuple(line.strip(" ,") for line in TABLE.splitlines()[-5:-1])
"""Those that a file of version 0.2 lacks."""


@dataclass(frozen=True, slots=True)
class Spooled:
    """One alert on disk. ``maybe_posted``: a request's answer was lost.

    ``spooled_at``, ``not_before`` (0: at once), ``expires_at``: seconds since 1970. ``callbacks``: as in ``Terms``.
    ``version``: of what ``text`` holds.
    """

    position: int
    id: str
    alert_type: str
    text: str
    spooled_at: float
    maybe_posted: bool
    not_before: float = 0
    expires_at: float | None = None
    callbacks: str = ""
    version: int = PAYLOAD_VERSION

    @property
    def message(self) -> NotificationMessage:
        """The alert.

        Raises:
            InvalidMessage, ValueError: another version wrote it.
        """
        if self.version > PAYLOAD_VERSION:
            raise ValueError(f"a later version wrote it (payload {self.version})")
        return NotificationMessage.model_validate_json(self.text)

    @property
    def terms(self) -> Terms:
        """Its terms, as they are now."""
        now = time.time()
        expires_seconds = None if self.expires_at is None else self.expires_at - now
        return Terms(max(0.0, self.not_before - now), expires_seconds, self.callbacks)

    @property
    def age_seconds(self) -> float:
        """How long it has been here, by this machine's clock."""
        return max(0.0, time.time() - self.spooled_at)


class Spool:
    """A folder that holds at most ``bound`` alerts, for all processes that share it.

    Args:
        bytes_max: what they may take together, as they are stored.
        busy_seconds: how long each method waits while other processes write.

    Raises (every method):
        BrokerUnavailable: the folder is full, cannot be read or written, or another user may write to it. Neither Redis
            nor the disk has the alert.
    """

    def __init__(
        self, folder: Path, bound: int, *, bytes_max: int = BYTES_MAX, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self._folder = folder
        self._bound = bound
        self._bytes_max = bytes_max
        self._busy_seconds = busy_seconds

    @property
    def exists(self) -> bool:
        """Whether anything was ever spooled here."""
        return os.path.lexists(self._file)  # a symbolic link that leads nowhere is to be refused, and aloud

    def put(self, message: NotificationMessage, terms: Terms = NO_TERMS, *, maybe_posted: bool = False) -> None:
        """Keep an alert, once per id. It is on the disk when this returns."""
        now = time.time()
        row = (
            *(message.id, message.alert_type, message.model_dump_json(exclude_defaults=True), now, maybe_posted),
            now + terms.after_seconds if terms.after_seconds else 0,
            None if terms.expires_seconds is None else now + terms.expires_seconds,
            *(terms.callbacks, version_of(message)),
        )
        with self._open() as file, file:
            file.execute("begin immediate")
            if file.execute("select 1 from alerts where id = ?", (message.id,)).fetchone():
                return
            if file.execute("select count(*) from alerts").fetchone()[0] >= self._bound:
                raise BrokerUnavailable(f"Redis is away and the spool holds {self._bound} alerts (NOTIFIER_SPOOL_MAX)")
            if _bytes_used(file) + len(row[2].encode()) > self._bytes_max:
                limit = f"more than {self._bytes_max} bytes would be spooled (NOTIFIER_SPOOL_BYTES_MAX)"
                raise BrokerUnavailable(f"Redis is away and {limit}")
            file.execute(
                "insert into alerts"
                " (id, alert_type, message, spooled_at, maybe_posted, not_before, expires_at, callbacks, version)"
                " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )

    def count(self, alert_type: AlertType | None = None, *, readable: bool = True) -> int:
        """How many wait here. ``readable`` False: also those that this version has failed to read."""
        if not self.exists:
            return 0
        with self._open() as file:
            wanted = (alert_type, alert_type, VERSION if readable else None)
            query = "select count(*) from alerts where (? is null or alert_type = ?) and unreadable_to is not ?"
            return int(file.execute(query, wanted).fetchone()[0])

    def holds(self, notification_id: str) -> bool:
        """Whether this alert waits here."""
        if not self.exists:
            return False
        with self._open() as file:
            return file.execute("select 1 from alerts where id = ?", (notification_id,)).fetchone() is not None

    def list(self, limit: int = PAGE, after: int = 0) -> list[Spooled]:
        """At most ``limit`` of those behind the position ``after``, oldest first."""
        if not self.exists:
            return []
        with self._open() as file:
            rows = file.execute(
                "select position, id, alert_type, message, spooled_at, maybe_posted, not_before, expires_at, callbacks,"
                " version from alerts where position > ? order by position limit ?",
                (after, limit),
            ).fetchall()
        return [
            Spooled(position, id, kind, text, spooled_at, bool(maybe_posted), *terms)
            for position, id, kind, text, spooled_at, maybe_posted, *terms in rows
        ]

    def flush(self, hand_over: Callable[[Spooled], None]) -> Collection[str]:
        """Hand all over in order, and delete each once it was handed over.

        Several processes may flush at once: an alert that two of them hand over is admitted once.

        Returns:
            The types of which some are left because their outbox is full.

        Raises:
            BrokerUnavailable: also if Redis is away; what was not handed over stays.
        """
        full: set[str] = set()
        position = 0
        while page := self.list(after=position):
            for each in page:
                position = each.position
                if each.alert_type not in full:
                    try:
                        hand_over(each)
                    except QueueFull:
                        full.add(each.alert_type)
                    except (InvalidMessage, ValueError):
                        # another version wrote it, and may read it
                        self._write("update alerts set unreadable_to = ? where position = ?", VERSION, each.position)
                    else:
                        self._write("delete from alerts where position = ?", each.position)
        return full

    def _write(self, statement: str, *values: object) -> None:
        with self._open() as file, file:
            file.execute(statement, values)

    @property
    def _file(self) -> Path:
        return self._folder / FILE

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            if not self.exists:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(self._file, os.O_CREAT | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600))
            refuse_foreign(self._folder, [f"{FILE}{suffix}" for suffix in SUFFIXES])
            # one connection each time: threads and forked processes must not share one
            with closing(sqlite3.connect(self._file, timeout=self._busy_seconds)) as file:
                file.execute("pragma synchronous = extra")  # it survives a power cut from here on
                file.execute(TABLE)
                _add_columns(file)
                yield file
        except (sqlite3.Error, OSError) as error:
            raise BrokerUnavailable(
                f"the spool cannot be used ({type(error).__name__}: {error}); see NOTIFIER_SPOOL_DIR"
            ) from None


def _bytes_used(file: sqlite3.Connection) -> int:
    """What the file holds, without the room that is left in it."""
    pages, free, size = (
        file.execute(f"pragma {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _add_columns(file: sqlite3.Connection) -> None:
    """To a file that version 0.2 made; its processes may use it meanwhile, and leave the new columns alone."""
    if "version" in {row[1] for row in file.execute("pragma table_info(alerts)")}:
        return
    with file:
        file.execute("begin immediate")  # other processes may be about to do the same
        known = {row[1] for row in file.execute("pragma table_info(alerts)")}
        for column in COLUMNS:
            if column.split()[0] not in known:
                file.execute(f"alter table alerts add column {column}")
