"""Quiet hours: the times of a week at which alerts of a type make no sound, or wait until they are over.

They are told in the time of a time zone. Where its clocks are changed, hours begin as early and end as late as the
clocks say so: a time that comes twice begins them when it comes first and ends them when it comes again, and one that
the clocks jump over stands for the moment of the jump.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

EXAMPLE = "22:00-07:00 Europe/Berlin"
OFF = ("off", "none")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = len(DAYS) * DAY_MINUTES
MINUTE = timedelta(minutes=1)
# not compiled before they are used: few programs have quiet hours
_TIMES = r"(\d{1,2})(?::(\d{2}))?-(\d{1,2})(?::(\d{2}))?"
_DAY = rf"({'|'.join(DAYS)})(?:[a-z]*day)?"
_DAYS = rf"{_DAY}(?:-{_DAY})?"
_DASH = r"\s*[-–—]\s*"  # what is copied from a page has longer ones


class Manner(StrEnum):
    """What becomes of alerts in quiet hours."""

    SILENT = "silent"
    """They are posted without sound."""
    HOLD = "hold"
    """They wait until the hours are over, and then go together."""


class Hours(NamedTuple):
    """One stretch of a day. Minutes since midnight; ``end`` is of the next day if it is not after ``start``.

    ``days``: on which it begins, 0 is Monday.
    """

    start: int
    end: int
    days: frozenset[int] = frozenset(range(len(DAYS)))

    @property
    def minutes(self) -> int:
        """How long it is, where no clock is changed."""
        return (self.end - self.start - 1) % DAY_MINUTES + 1

    def on(self, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
        """Begin and end of the stretch that begins on this day."""
        midnight = datetime(day.year, day.month, day.day)
        begin, end = midnight + self.start * MINUTE, midnight + (self.start + self.minutes) * MINUTE
        return _moment(begin, zone, fold=0), _moment(end, zone, fold=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The quiet hours of one alert type; empty if it has none. ``text``: as they were given."""

    hours: tuple[Hours, ...]
    zone: tzinfo
    manner: Manner = Manner.SILENT
    text: str = field(default="off", compare=False)

    def __bool__(self) -> bool:
        return bool(self.hours)

    def told(self, at: datetime) -> str:
        """Until when it is quiet at this moment, in words; empty if it is not."""
        if not self.holds(at):
            return ""
        end = self.ends_at(at)
        if end is None:
            return "always"
        day = "" if end - at < timedelta(days=1) else f"{end:%A} "
        return f"until {day}{end:%H:%M} {self.zone}"

    def __str__(self) -> str:
        return self.text

    def end_within(self, seconds: float) -> bool:
        """Whether they are always over within this time, also where a clock is put back by an hour."""
        return self.longest is not None and self.longest + timedelta(hours=1) <= timedelta(seconds=seconds)

    @property
    def longest(self) -> timedelta | None:
        """The longest time that is quiet without a break, where no clock is changed; None: it has no end."""
        return _longest(self.hours)

    def holds(self, at: datetime) -> bool:
        """Whether it is quiet at this moment (an aware datetime)."""
        return any(self._around(at))

    def spell(self, at: datetime) -> tuple[datetime, datetime] | None:
        """Begin and end of the quiet time in which this moment is (UTC); hours that adjoin are one.

        Returns:
            None if it is not quiet then, or always.
        """
        around = list(self._around(at))
        if not around or self.longest is None:
            return None
        begin, end = min(begin for begin, _ in around), max(end for _, end in around)
        while later := [end for _, end in self._around(end)]:
            end = max(later)
        while earlier := [begin for begin, _ in self._around(begin - timedelta.resolution)]:
            begin = min(earlier)
        return begin, end

    def ends_at(self, at: datetime) -> datetime | None:
        """When the quiet time ends in which this moment is, in the time zone of the hours; None as in ``spell``."""
        spell = self.spell(at)
        return spell[1].astimezone(self.zone) if spell else None

    def _around(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Begin and end of each of the hours in which this moment is."""
        today = at.astimezone(self.zone).date()
        for day in (today - timedelta(days=1), today):
            for each in self.hours:
                if day.weekday() in each.days:
                    begin, end = each.on(day, self.zone)
                    if begin <= at < end:
                        yield begin, end


NO_QUIET_HOURS = QuietHours((), UTC)


def parse(text: str) -> QuietHours:
    """Read quiet hours: ``[DAYS] HH:MM-HH:MM, … ZONE [silent|hold]``, or ``off``.

    Raises:
        ValueError: says what is wrong with the text.
    """
    words = [word for word in re.split(r"[\s;,]+", re.sub(_DASH, "-", text.strip())) if word]
    if [word.lower() for word in words] in ([each] for each in OFF):
        return NO_QUIET_HOURS
    hours: list[Hours] = []
    days: set[int] = set()
    zones: list[str] = []
    manners: list[Manner] = []
    for word in words:
        if times := re.fullmatch(_TIMES, word):
            hours.append(_hours(word, times, frozenset(days)))
            days = set()
        elif named := re.fullmatch(_DAYS, word.lower()):
            days |= _days(*named.groups())
        elif word.lower() in list(Manner):
            manners.append(Manner(word.lower()))
        else:
            zones.append(word)
    _check(hours, days, zones, manners)
    manner = manners[0] if manners else Manner.SILENT
    return QuietHours(tuple(hours), _zone(zones[0]), manner, " ".join(words))


@lru_cache
def _longest(hours: tuple[Hours, ...]) -> timedelta | None:
    begins = ((day * DAY_MINUTES + each.start, each.minutes) for each in hours for day in each.days)
    quiet = {(begin + minute) % WEEK_MINUTES for begin, minutes in begins for minute in range(minutes)}
    loud = sorted(set(range(WEEK_MINUTES)) - quiet)
    if not loud:
        return None
    gaps = [after - before for before, after in zip(loud, [*loud[1:], loud[0] + WEEK_MINUTES], strict=True)]
    return (max(gaps) - 1) * MINUTE


def _check(hours: Sequence[Hours], days: set[int], zones: Sequence[str], manners: Sequence[Manner]) -> None:
    if not hours:
        raise ValueError(f"expected times, as in {EXAMPLE!r}")
    if days:
        raise ValueError("days stand before the times that they are of, as in 'Mon-Fri 22:00-07:00'")
    if not zones:
        raise ValueError(f"the time zone is missing, as in {EXAMPLE!r}")
    if zones[1:]:
        raise ValueError(f"{', '.join(map(repr, zones))}: expected one time zone, and silent or hold")
    if manners[1:]:
        raise ValueError("silent and hold exclude each other")


def _hours(word: str, times: re.Match[str], days: frozenset[int]) -> Hours:
    start_hour, start_minute, end_hour, end_minute = (int(each or 0) for each in times.groups())
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if start_minute > 59 or end_minute > 59 or start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(f"{word}: there is no such time; they go from 00:00 to 24:00")
    if start == end:
        raise ValueError(f"{word}: begins and ends at the same time; a whole day is 00:00-24:00")
    return Hours(start, end, days) if days else Hours(start, end)


def _days(first: str, last: str | None) -> set[int]:
    begin = DAYS.index(first)
    count = (DAYS.index(last) - begin) % len(DAYS) if last else 0
    return {(begin + day) % len(DAYS) for day in range(count + 1)}


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo, available_timezones  # read where some are set: every caller has settings

    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # there is none; it is no name; it is a folder of several
        known = {zone.lower(): zone for zone in available_timezones()}
    if name.lower() in known:
        return ZoneInfo(known[name.lower()])
    if not known:
        raise ValueError("this machine knows no time zones: install the package tzdata")
    raise ValueError(f"there is no time zone {name!r}{_nearest(name.lower(), known)}")


def _nearest(name: str, known: dict[str, str]) -> str:
    from difflib import get_close_matches

    cities = {zone.rsplit("/", 1)[-1]: known[zone] for zone in sorted(known)}
    names = cities | known
    nearest = [names[each] for each in get_close_matches(name, names, n=1)]
    return f"; the nearest is {nearest[0]}" if nearest else f"; expected one such as in {EXAMPLE!r}"


def _moment(wall: datetime, zone: tzinfo, fold: int) -> datetime:
    at = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    # the clocks jump over it, some time between the two readings that Python has of it (PEP 495)
    before, after = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    earliest, span = after.astimezone(UTC), before.astimezone(UTC) - after.astimezone(UTC)
    jump = bisect_left(
        range(span // MINUTE),
        True,
        key=lambda minutes: (earliest + minutes * MINUTE).astimezone(zone).utcoffset() != before.utcoffset(),
    )
    return earliest + jump * MINUTE
