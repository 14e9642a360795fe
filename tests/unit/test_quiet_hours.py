"""Quiet hours are read as people write them, and hold what the clock on the wall says, whatever is done to it."""

import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.quiet_hours import Manner, QuietHours, parse

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"
CHANGES = {  # the days in which the clocks are changed, by zone: forward, back
    BERLIN: ((2026, 3, 29), (2026, 10, 25)),
    NEW_YORK: ((2026, 3, 8), (2026, 11, 1)),
    LORD_HOWE: ((2026, 10, 4), (2026, 4, 5)),  # by half an hour
    "Europe/Dublin": ((2026, 3, 29), (2026, 10, 25)),  # its standard time is that of summer
    "Asia/Kolkata": ((2026, 3, 29), (2026, 10, 25)),  # none
}


def at(zone: str, *when: int, fold: int = 0) -> datetime:
    return datetime(*when, tzinfo=ZoneInfo(zone), fold=fold)  # type: ignore[misc, arg-type]


def utc(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc, arg-type]


def ends(quiet: QuietHours, moment: datetime) -> datetime | None:
    end = quiet.ends_at(moment)
    return end and end.astimezone(UTC)


def test_a_night_begins_at_its_first_minute_and_ends_before_its_last() -> None:
    quiet = parse("22:00-07:00 Europe/Berlin")
    assert quiet.manner is Manner.SILENT
    held = {text: quiet.holds(datetime.fromisoformat(f"2026-06-01T{text}+02:00"))
            for text in ("21:59:59", "22:00:00", "00:00:00", "06:59:59", "07:00:00", "12:00:00")}  # fmt: skip
    assert held == {
        "21:59:59": False, "22:00:00": True, "00:00:00": True, "06:59:59": True, "07:00:00": False, "12:00:00": False
    }  # fmt: skip
    assert str(quiet.ends_at(at(BERLIN, 2026, 6, 1, 23))) == "2026-06-02 07:00:00+02:00"
    assert quiet.ends_at(at(BERLIN, 2026, 6, 1, 12)) is None


@pytest.mark.parametrize(
    ("text", "moment", "end"),
    [
        # the night in which an hour is missing, or comes twice, ends by the clock on the wall
        (f"22:00-07:00 {BERLIN}", utc(2026, 3, 28, 22), utc(2026, 3, 29, 5)),
        (f"22:00-07:00 {BERLIN}", utc(2026, 10, 24, 22), utc(2026, 10, 25, 6)),
        (f"22:00-07:00 {NEW_YORK}", utc(2026, 3, 8, 4), utc(2026, 3, 8, 11)),
        (f"22:00-07:00 {NEW_YORK}", utc(2026, 11, 1, 4), utc(2026, 11, 1, 12)),
        # an end, or a begin, that the clocks jump over is the moment of the jump
        (f"22:00-02:30 {BERLIN}", utc(2026, 3, 28, 22), utc(2026, 3, 29, 1)),
        (f"02:30-07:00 {BERLIN}", utc(2026, 3, 29, 1), utc(2026, 3, 29, 5)),
        (f"22:00-02:15 {LORD_HOWE}", at(LORD_HOWE, 2026, 10, 3, 23), utc(2026, 10, 3, 15, 30)),
        # one that comes twice ends at the second, and begins at the first
        (f"22:00-02:30 {BERLIN}", utc(2026, 10, 25, 0, 45), utc(2026, 10, 25, 1, 30)),
        (f"02:30-07:00 {BERLIN}", utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 6)),
        (f"02:30-07:00 {BERLIN}", utc(2026, 10, 25, 1, 15), utc(2026, 10, 25, 6)),
        (f"22:00-01:45 {LORD_HOWE}", utc(2026, 4, 4, 15, 0), utc(2026, 4, 4, 15, 15)),
        # a day that a zone has left out
        ("22:00-07:00 Pacific/Apia", utc(2011, 12, 30, 9), utc(2011, 12, 30, 17)),
        ("22:00-06:00 Pacific/Apia", utc(2011, 12, 30, 10), utc(2011, 12, 30, 16)),
    ],
)
def test_quiet_hours_end_when_the_clock_on_the_wall_says_so(text: str, moment: datetime, end: datetime) -> None:
    assert ends(parse(text), moment) == end


@pytest.mark.parametrize(
    ("text", "loud"),
    [
        (f"02:15-02:45 {BERLIN}", utc(2026, 3, 29, 1)),  # it lies in the hour that is missing
        (f"02:30-07:00 {BERLIN}", utc(2026, 3, 29, 0, 59)),
        (f"22:00-02:30 {BERLIN}", utc(2026, 10, 25, 1, 30)),
        (f"02:30-07:00 {BERLIN}", utc(2026, 10, 25, 0, 29)),
    ],
)
def test_it_is_heard_what_comes_just_beside_them(text: str, loud: datetime) -> None:
    assert not parse(text).holds(loud)


minutes_of_day = st.integers(0, 24 * 60 - 1)


@given(
    zone=st.sampled_from(list(CHANGES)),
    change=st.integers(0, 1),
    start=minutes_of_day,
    end=minutes_of_day,
    minute=st.integers(-24 * 60, 48 * 60),
)
def test_it_is_quiet_exactly_while_the_wall_clock_says_so_and_never_twice_in_a_night(
    zone: str, change: int, start: int, end: int, minute: int
) -> None:
    if start == end:
        return
    text = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02} {zone}"
    quiet, moment = parse(text), at(zone, *CHANGES[zone][change]).astimezone(UTC) + minute * MINUTE
    wall = moment.astimezone(ZoneInfo(zone))
    of_day = wall.hour * 60 + wall.minute
    says_so = start <= of_day < end if start < end else not end <= of_day < start
    comes_twice = wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset()
    if not comes_twice:  # then hours that begin or end in between go on in one piece
        assert quiet.holds(moment) or not says_so
    if not any(_comes_twice(zone, moment + shift * MINUTE) for shift in range(-60, 61, 30)):
        assert quiet.holds(moment) == says_so
    if quiet.holds(moment):
        over = ends(quiet, moment)
        assert over is not None
        # a minute that is not quiet may be one of those that the clock leaves out; then it is quiet for another day
        assert moment < over <= moment + 49 * HOUR
        assert not quiet.holds(over)
        assert quiet.holds(over - MINUTE)
        assert all(quiet.holds(moment + part * (over - moment) / 8) for part in range(8))


def _comes_twice(zone: str, moment: datetime) -> bool:
    wall = moment.astimezone(ZoneInfo(zone))
    return wall.replace(fold=0).utcoffset() > wall.replace(fold=1).utcoffset()  # type: ignore[operator]


def test_days_name_those_on_which_the_hours_begin_and_what_adjoins_is_one_quiet_time() -> None:
    quiet = parse("Mon-Thu 22:00-07:00; Fri 22:00-24:00, Sat, Sunday 00:00 – 24:00, mon 0-7 europe/berlin HOLD")
    assert quiet.manner is Manner.HOLD
    assert quiet.longest == 57 * HOUR
    monday = at(BERLIN, 2026, 6, 8, 7)
    assert ends(quiet, at(BERLIN, 2026, 6, 5, 22)) == monday.astimezone(UTC)
    assert ends(quiet, at(BERLIN, 2026, 6, 7, 12)) == monday.astimezone(UTC)
    assert ends(quiet, at(BERLIN, 2026, 6, 8, 23)) == at(BERLIN, 2026, 6, 9, 7).astimezone(UTC)
    assert not quiet.holds(at(BERLIN, 2026, 6, 5, 21, 59))


def test_hours_may_go_on_for_ever() -> None:
    quiet = parse("00:00-24:00 UTC")
    assert quiet.longest is None
    assert quiet.holds(utc(2026, 1, 1))
    assert quiet.ends_at(utc(2026, 1, 1)) is None


@pytest.mark.parametrize("text", [f"22:00-07:00 {BERLIN}", f"Mon 22:00-24:00, Tue 0-7 {BERLIN}"])
def test_a_spell_begins_with_the_first_of_the_hours_that_adjoin(text: str) -> None:
    night = (utc(2026, 6, 1, 20), utc(2026, 6, 2, 5))
    for moment in (night[0], utc(2026, 6, 1, 22), utc(2026, 6, 2, 1)):
        assert parse(text).spell(moment) == night
    assert parse(text).spell(night[1]) is None


def test_the_zones_are_there_on_a_machine_that_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    reset_tzpath(to=())
    ZoneInfo.clear_cache()
    try:
        assert parse("22:00-07:00 Europe/Berlin").holds(utc(2026, 6, 1, 20))
        for name in [name for name in sys.modules if name.split(".")[0] == "tzdata"]:
            monkeypatch.setitem(sys.modules, name, None)
        ZoneInfo.clear_cache()
        with pytest.raises(ValueError, match="install the package tzdata"):
            parse("22:00-07:00 Europe/Berlin")
    finally:
        reset_tzpath()
        ZoneInfo.clear_cache()


def test_off_is_never() -> None:
    assert not parse("off")
    assert not parse("off").holds(utc(2026, 1, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("22:00-07:00 Europe/Berln", "there is no time zone 'Europe/Berln'; the nearest is Europe/Berlin"),
        ("22:00-07:00 berlin", "there is no time zone 'berlin'; the nearest is Europe/Berlin"),
        ("22:00-07:00 Europe", "there is no time zone 'Europe'"),
        ("22:00-07:00 ../../etc/passwd", "there is no time zone '../../etc/passwd'"),
        ("22:00-07:00 leapseconds", "there is no time zone 'leapseconds'"),
        ("22:00-07:00", "the time zone is missing, as in '22:00-07:00 Europe/Berlin'"),
        ("25:00-07:00 UTC", "25:00-07:00: there is no such time; they go from 00:00 to 24:00"),
        ("22:60-07:00 UTC", "22:60-07:00: there is no such time"),
        ("24:00-07:00 UTC", "24:00-07:00: there is no such time"),
        ("22:00-22:00 UTC", "22:00-22:00: begins and ends at the same time; a whole day is 00:00-24:00"),
        ("22:00-07:00 UTC quiet", "'UTC', 'quiet': expected one time zone, and silent or hold"),
        ("22:00-07:00 UTC silent hold", "silent and hold exclude each other"),
        ("22:00-07:00 Mon UTC", "days stand before the times that they are of"),
        ("UTC silent", "expected times, as in '22:00-07:00 Europe/Berlin'"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - its text is looked at
        parse(text)
    assert str(raised.value).startswith(said)


@given(st.text(alphabet="0123:-, ;UTCmonhld/.", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        quiet = parse(text)
    except ValueError:
        return
    assert isinstance(quiet.holds(utc(2026, 3, 29, 1)), bool)


def test_until_when_it_is_quiet_is_told_by_the_clock_of_its_zone() -> None:
    night = parse(f"22:00-07:00 {BERLIN}")
    assert night.told(utc(2026, 6, 1, 21)) == "until 07:00 Europe/Berlin"
    assert night.told(utc(2026, 6, 1, 12)) == ""
    weekend = parse(f"Fri 22:00-24:00 Sat-Sun 0-24 Mon 0-7 {BERLIN}")
    assert weekend.told(utc(2026, 6, 6, 12)) == "until Monday 07:00 Europe/Berlin"
    assert parse("0-24 UTC").told(utc(2026, 6, 6, 12)) == "always"
