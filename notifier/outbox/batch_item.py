"""One notification of a batch, as claimed: what is known of it, and what its next request carries."""

from dataclasses import dataclass, replace
from enum import StrEnum

from notifier.models import NotificationMessage
from notifier.outbox.incident import Incident
from notifier.outbox.progress import NO_PROGRESS, Progress
from notifier.outcome import Delivered, Reason
from notifier.render.incident import as_news, as_resolution, with_incident
from notifier.render.ornaments import ornaments, refused_by_form
from notifier.render.split import parts_of
from notifier.webhook import Webhook

THREAD_NAME = "thread_name"


class Request(StrEnum):
    """What is asked of Discord for a notification."""

    POST = "post"
    EDIT = "edit"
    """The message of its incident shows it."""
    DELETE = "delete"
    """The message of its incident goes, for another one to be posted."""
    REPLY = "reply"
    """The thread of that is told; then the message shows it."""


ADDS_A_MESSAGE = frozenset({Request.POST, Request.REPLY})
"""Each of the others may be done twice."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One notification of a batch, as claimed.

    ``admitted_at``: microseconds since 1970, Redis' clock. ``maybe_posted``: an answer to an earlier request was lost.
    ``delayed_by``: the reason word that it waited for longest. ``not_before``: as ``admitted_at``; until then it was
    postponed (0: it was not). ``unreadable``: why this version cannot read it; ``message`` only stands for it then.
    ``progress``: what is settled of it already. ``pings``: whom its request pings besides, by configuration.
    ``incident``: of which it is a part; ``request``: what becomes of the message of that. ``collected_for``: the name
    of the group that it was collected for (collected.lua). ``news``: what the thread of that message is told.
    ``trace``: the context of the call that raised it (tracing.py).
    """

    message: NotificationMessage
    attempts: int
    admitted_at: int
    maybe_posted: bool = False
    delayed_by: str = ""
    not_before: int = 0
    unreadable: Reason | None = None
    progress: Progress = NO_PROGRESS
    pings: tuple[str, ...] = ()
    incident: Incident | None = None
    request: Request = Request.POST
    collected_for: str = ""
    news: NotificationMessage | None = None
    trace: str = ""

    def of_incident(self, webhook: Webhook | None) -> "BatchItem":
        """The same with all that the message of its incident is to show."""
        if self.incident is None:
            return self
        is_told = bool(self.progress.message_ids)
        item = replace(self, message=self.incident.whole(self.message, is_told=is_told))
        if not self.incident.is_shown_by(webhook):
            return item
        if self.incident.thread_id and item.message.incident_thread:
            news = None if self.progress.part else self.incident.news_of(self.message)
            return replace(item, request=Request.REPLY if news else Request.EDIT, news=news)
        is_repeat = not (self.message.update or self.incident.state.is_resolved)
        replaces = item.message.repeat == "replace" and is_repeat
        return replace(item, request=Request.DELETE if replaces or item._is_out_of_view else Request.EDIT)

    @property
    def _is_out_of_view(self) -> bool:
        """Whether the message of its incident goes for one in view; its files would be lost with it."""
        after, known = self.message.dedup_repost_after, self.incident
        if known is None or not after or (known.has_files and self.keeps_files):
            return False
        return known.behind >= after

    @property
    def keeps_files(self) -> bool:
        """Whether the message of its incident keeps the files that it has."""
        keeps_text = self.incident is not None and self.incident.keeps_text(self.message)
        return self.message.update or self.message.resolved or keeps_text or self.progress.part > 0

    @property
    def method(self) -> str:
        """The HTTP method of its request."""
        is_shown = self.incident is not None and self.incident.message_id is not None
        if self.request in ADDS_A_MESSAGE or not is_shown:
            return "POST"
        return "DELETE" if self.request is Request.DELETE else "PATCH"

    @property
    def _carried(self) -> NotificationMessage:
        """What its next request is about."""
        return self.news or self.message

    @property
    def ornaments(self) -> frozenset[str]:
        """What of it may be left out."""
        return frozenset(ornaments(self._pinging(self._carried)))

    def _pinging(self, message: NotificationMessage) -> NotificationMessage:
        mentions = tuple(dict.fromkeys((*message.mentions, *self.pings)))
        return message.model_copy(update={"mentions": mentions}) if self.pings else message

    @property
    def left_out(self) -> frozenset[str]:
        """The ornaments that it goes without: Discord has refused them, or is known to."""
        return refused_by_form(self._carried) | frozenset(self.progress.left_out)

    @property
    def part(self) -> NotificationMessage:
        """What its next request carries: all of it, or the first part that is not posted, in the others' thread."""
        if self.news and self.incident:
            return as_news(self.news, self.incident.state)
        parts = parts_of(self.message)
        part = self._pinging(parts[min(self.progress.part, len(parts) - 1)])
        if self.incident:
            is_known = self.message.resolved or (self.message.update and self.incident.shown)
            part = with_incident(part.model_copy(update={"mentions": ()}) if is_known else part, self.incident.state)
        elif part.resolved and part.if_not_open == "post":
            part = as_resolution(part)
        if self.progress.thread_id is not None:
            in_thread = {"thread_id": self.progress.thread_id, "thread_name": None, "applied_tags": ()}
            return part.model_copy(update=in_thread)
        if self.progress.in_forum and parts[1:] and not part.thread_name:  # its own title is numbered
            return part.model_copy(update={"thread_name": self.message.title})
        return part

    def after(self, posted: Delivered) -> Progress | None:
        """What is settled once its next part is posted; None: that was all."""
        progress, count = self.progress, self.progress.part + 1
        if count >= len(parts_of(self.message)):
            return None
        opens_thread = (self.message.thread_name and THREAD_NAME not in self.left_out) or progress.in_forum
        return progress._replace(
            part=count,
            message_ids=(*progress.message_ids, *filter(None, [posted.message_id])),
            maybe_posted=progress.maybe_posted or self.maybe_posted,
            channel_id=progress.channel_id or posted.channel_id,
            thread_id=progress.thread_id
            or (posted.channel_id if opens_thread and not self.message.thread_id else None),
        )
