"""A table fits the terminal that it is printed on, and nothing that is to be copied is broken."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.cli.table import Whole, paragraphs, shortened, table, width_of, wrapped

ID = "5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b3c"
OTHER_ID = "5f0c7c1e-7d1f-4f0e-9a55-0f6f3c1a2b3c"
LINK = "https://discord.com/channels/4000000000000000001/2000000000000000001/900000000000000001"
COLUMNS = ["finished (UTC)", "type", "title", "reason", "id"]


def row(title: str = "Disk full", notification_id: str = ID) -> list[str]:
    return [Whole("2026-01-31 12:00:00"), "monitoring", title, "webhook_not_configured", Whole(notification_id)]


def test_a_pipe_has_one_line_for_each_row_however_long() -> None:
    lines = list(table(COLUMNS, [row("word " * 100), row()], None))
    assert len(lines) == 3
    assert lines[1].endswith(ID)


def test_ids_become_short_before_anything_is_wrapped_and_differ() -> None:
    lines = list(table(COLUMNS, [row(), row(notification_id=OTHER_ID)], 100))
    assert len(lines) == 3
    assert [line.split()[-1] for line in lines[1:]] == [ID[:10], OTHER_ID[:10]]


def test_long_texts_are_wrapped_between_words_beside_the_others() -> None:
    lines = list(table(COLUMNS, [row("the database of the shop answers slowly")], 90))
    assert max(map(width_of, lines)) <= 90
    assert len(lines) == 3
    assert "webhook_not_configured  5f0c7c1e" in lines[1]


def test_where_no_row_fits_each_is_a_block_with_whole_ids_and_no_empty_cell() -> None:
    first, second = row("the database of the shop answers slowly today"), row()
    first[3] = ""
    lines = list(table(COLUMNS, [first, second], 60))
    assert lines == [
        "finished (UTC)  2026-01-31 12:00:00",
        "type            monitoring",
        "title           the database of the shop answers slowly",
        "                today",
        f"id              {ID}",
        "",
        *lines[6:],
    ]
    assert f"reason          {second[3]}" in lines


def test_an_empty_column_takes_no_room_where_there_is_little() -> None:
    rows = [["Disk full on the machine of the database", "", "db1"]]
    assert "reason" not in next(iter(table(["title", "reason", "source"], rows, 44)))


@pytest.mark.parametrize("wide", ["漢字" * 30, "é́" * 50, "👩‍👩‍👧" * 20, "", "a" * 90, LINK, ID])
def test_columns_are_counted_as_a_terminal_does(wide: str) -> None:
    lines = list(table(["title", "id"], [[wide, Whole(ID)]], 60))
    assert [each for each in lines if width_of(each) > 60 and LINK not in each] == []
    assert list(table(["title"], [[wide]], 200))[1:] == [wide]


TEXTS = st.text(alphabet=st.sampled_from("ab -漢é…"), max_size=40)


@settings(max_examples=60)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=4), st.integers(30, 90))
def test_no_line_is_too_long_and_no_character_is_lost(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = list(table(["one", "two", "three"], rows, width))
    assert max(map(width_of, lines)) <= width
    printed = sorted("".join(lines).replace(" ", ""))
    for character in itertools.chain.from_iterable("".join(row).replace(" ", "") for row in rows):
        printed.remove(character)


def test_a_line_is_wrapped_and_keeps_its_indent_and_addresses() -> None:
    text = f"  a warning of some length\nsee {LINK} or notifier explain {ID}"
    assert paragraphs(text, 20).split("\n") == [
        "  a warning of some",
        "  length",
        "see",
        LINK,
        "or notifier explain",
        ID,
    ]
    assert paragraphs("12:00  it was posted to Discord", 20, 7) == "12:00  it was posted\n       to Discord"


def test_short_ids_are_only_of_uuids() -> None:
    assert shortened([["deploy-41-of-the-shop", ID, Whole(ID)]]) == [["deploy-41-of-the-shop", ID, ID[:8]]]
    assert wrapped(Whole("2026-01-31 12:00:00"), 4) == ["2026-01-31 12:00:00"]
