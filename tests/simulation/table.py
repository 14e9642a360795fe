"""The table of the planted bugs in CONTRIBUTING.md: which promise names each, and which seed finds it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.simulation.run import Found

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"
BEGINS, ENDS = "<!-- planted bugs: what stands here is written by it -->\n", "<!-- planted bugs end -->\n"
PROMISES = {
    "withdr": "what is withdrawn is not posted, or is told to be too late",
    "is in the channel": "a copy says that it is one",
    "the answer was stored": "a copy only where an answer was lost",
    "never ended": "nothing accepted is lost",
    "sets of outboxes": "nothing accepted is lost",
    "is delivered by its record": "nothing accepted is lost",
    "still holds": "nothing accepted is lost",
    "although a 429": "a 429 and a ban are obeyed",
    "more than": "no more requests than Discord allows",
    "a second wake-up": "one wake-up of an outbox at a time",
    "beside": "one request of an outbox at a time, one probe",
    "nothing failed": "nothing waits for nothing",
    "and due in": "nothing goes before it is due",
    "had expired": "nothing goes after it has expired",
    "among the dead letters": "dead letters are kept",
    "and digests tell of": "what is folded is counted by a digest",
    "is before": "a type keeps its order",
    "went by": "alerts are spread over the webhooks of their type",
    "has another webhook": "a webhook that is gone is left out",
    "without its": "what Discord refuses is left out",
    "although it is gone": "a webhook that is gone is left out",
    "nobody is told": "a webhook that is gone is left out, aloud",
    "has a batch under way": "a batch under way ends",
    "has no life": "each key has a life",
    "its messages say": "an incident counts its alerts",
    "changed out of order": "an incident changes in order",
    "ended nothing": "an incident says that it is over",
    "does not say so": "an incident says that it is over",
    "are counted": "the counts agree",
    "the history of": "the counts agree",
    "the dead letters of": "the counts agree",
}
"""What is promised, by words of what the simulation says when it is broken; the first that fit."""


def lines(found: Iterable[tuple[str, Found | None]]) -> Iterator[str]:
    """The table."""
    yield "| planted bug | promise that it breaks | as the simulation says it | by seed |"
    yield "| --- | --- | --- | --- |"
    for name, by in found:
        if by is None:
            yield f"| {name} | | not found | |"
        else:
            promise = next((told for words, told in PROMISES.items() if words in by.breaks), "")
            yield f"| {name} | {promise} | {by.breaks} | {by.seed} |"


def write(found: Iterable[tuple[str, Found | None]], page: Path = PAGE) -> None:
    """Put the table in the place of the one that is there."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    page.write_text(before + BEGINS + "\n" + "\n".join(lines(found)) + "\n\n" + ends + after, encoding="utf-8")


def known_seeds(page: Path = PAGE) -> dict[str, int]:
    """By planted bug, the seed that finds it."""
    table = page.read_text(encoding="utf-8").partition(BEGINS)[2].partition(ENDS)[0]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines() if row.startswith("| ")]
    return {name: int(seed) for name, _, _, seed in rows[2:] if seed}
