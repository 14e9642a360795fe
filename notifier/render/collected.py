"""Alerts that were collected until a time, as one message: below a line that counts them, all or what there is of each.

If all of their embeds fit, they are shown. Else one embed tells how many there are of each title, with the newest text
of each, and a file has all of them whole.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from notifier.counting import counted
from notifier.message_parts import SEVERITY_OF
from notifier.models import NotificationMessage, Severity
from notifier.plain_text import plain
from notifier.render.batch import Payload, compose
from notifier.render.cut import cut
from notifier.render.embeds import characters
from notifier.render.limits import DESCRIPTION_CHARACTERS_MAX, EMBEDS_MAX, EMBEDS_TOTAL_CHARACTERS_MAX
from notifier.render.markdown import shown
from notifier.render.notes import duration
from notifier.render.ornaments import OF_MESSAGE
from notifier.render.uploads import File, told
from notifier.render.whole import file_name, whole_text

TITLES_IN_LINE, TITLE_CHARACTERS_IN_LINE = 5, 60
"""Ours: titles in the line above the embeds, and how much of each."""
TITLES_SHOWN, TITLE_CHARACTERS = 12, 100
"""Ours: titles in the one embed, and how much of each; their texts share the rest of its room."""
SEVERITIES = list(Severity)
FENCE = "```"


class CollectedBy(StrEnum):
    """For what alerts wait together."""

    GROUPING = "grouping"
    QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True, slots=True)
class Collected:
    """What alerts were collected by (a ``CollectedBy``; or a later version's), and from when until when.

    Times are seconds since 1970.
    """

    by: str
    since: float
    until: float


def compose_collected(
    messages: Sequence[NotificationMessage],
    collected: Collected,
    notes: Sequence[str],
    left_out: Sequence[Collection[str]],
    *,
    in_forum: bool = False,
) -> Payload:
    """The one message of alerts that were collected, in order. The arguments are those of ``compose``."""
    head, line = _head(collected, len(messages)), _line(messages, TITLES_IN_LINE, TITLE_CHARACTERS_IN_LINE)
    above = {"content": f"{head}: {line}", "silent": all(each.silent for each in messages)}
    if len(messages) <= EMBEDS_MAX:
        first = shown(messages[0]).model_copy(update=above)  # what is above is Markdown, whatever its own texts are
        payload = compose([first, *messages[1:]], notes, left_out, in_forum=in_forum)
        total = sum(map(characters, payload.body["embeds"]))
        if total <= EMBEDS_TOTAL_CHARACTERS_MAX and not payload.files:
            return payload
    one = _of_all(messages, head).model_copy(update=above)
    from_all = frozenset[str]().union(*left_out) & OF_MESSAGE
    payload = compose([one], [max(notes, key=len)], [from_all], in_forum=in_forum)
    if "attachments" in from_all:
        return replace(payload, stands_for_all=True)
    files = (File(file_name(one), _whole(messages).encode()),)
    return replace(payload, body=payload.body | {"attachments": told(files)}, files=files, stands_for_all=True)


def _head(collected: Collected, count: int) -> str:
    time = duration(max(1, round(collected.until - collected.since)))
    match collected.by:
        case CollectedBy.GROUPING:
            return f"{counted(count, 'alert')} in {time}"
        case CollectedBy.QUIET_HOURS:
            return f"{counted(count, 'alert')} in {time} of quiet hours"
    return counted(count, "alert")


def _of_all(messages: Sequence[NotificationMessage], title: str) -> NotificationMessage:
    """One alert that stands for all."""
    worst = max(messages, key=lambda each: SEVERITIES.index(each.severity or SEVERITY_OF[each.alert_type]))
    sources = {each.source for each in messages}
    first = messages[0]
    one = NotificationMessage(
        id=first.id,
        alert_type=first.alert_type,
        title=title,
        color=worst.colour,
        timestamp=max(each.timestamp for each in messages),
        source=sources.pop() if len(sources) == 1 else None,
    )
    # no validation: these are of alerts that passed it
    return one.model_copy(update={"mentions": first.mentions, "message": _description(messages, file_name(one))})


def _by_title(messages: Sequence[NotificationMessage]) -> list[list[NotificationMessage]]:
    """Those of each title, the most frequent first."""
    found: dict[str, list[NotificationMessage]] = {}
    for each in messages:
        found.setdefault(each.title, []).append(each)
    return sorted(found.values(), key=len, reverse=True)


def _line(messages: Sequence[NotificationMessage], titles: int, title_characters: int) -> str:
    groups = _by_title(messages)
    counts = [_count(each, title_characters) for each in groups[:titles]]
    if more := sum(map(len, groups[titles:])):
        counts.append(f"{more} × others")
    return ", ".join(counts)


def _count(group: Sequence[NotificationMessage], title_characters: int) -> str:
    """As it stands: Markdown of a title that is cut could take in what follows, and a link would be previewed."""
    return f"{len(group)} × {plain(cut(group[0].title.strip(), title_characters), links=False)}"


def _description(messages: Sequence[NotificationMessage], file: str) -> str:
    groups = _by_title(messages)
    parts = [f"What is cut here, and all else of these alerts, is whole in the file `{file}`."]
    if others := groups[TITLES_SHOWN:]:
        parts.insert(0, f"{sum(map(len, others))} × {counted(len(others), 'other title')}")
    room = (DESCRIPTION_CHARACTERS_MAX - sum(map(len, parts))) // min(len(groups), TITLES_SHOWN) - 2 * len(parts)
    return "\n\n".join([*(_paragraph(each, room) for each in groups[:TITLES_SHOWN]), *parts])


def _paragraph(group: Sequence[NotificationMessage], room: int) -> str:
    """How many there are of a title, and the newest text."""
    head, text = f"**{_count(group, TITLE_CHARACTERS)}**", shown(group[-1]).message.strip()
    if text.count(FENCE) % 2:  # it would open a block that the next text closes
        text = plain(text)
    return f"{head}\n{cut(text, room - len(head) - 1)}".strip()


def _whole(messages: Sequence[NotificationMessage]) -> str:
    count = len(messages)
    return "\n\n".join(
        f"---- {number} of {count} ----\n\n{whole_text(each)}{_pictures(each)}"
        for number, each in enumerate(messages, start=1)
    )


def _pictures(message: NotificationMessage) -> str:
    links = {"Image": message.image, "Thumbnail": message.thumbnail}
    return "".join(f"{name}: {link}\n" for name, link in links.items() if link)
