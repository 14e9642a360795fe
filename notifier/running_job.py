"""A job that says how far it is and what came of it: ``with notifier.job("nightly import") as job``; also a decorator.

Whatever goes wrong with an alert changes nothing of the job: it is logged.
"""

import asyncio
import contextvars
import copy
import functools
import inspect
import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, get_args

from notifier.errors import InvalidMessage, NotifierError, TemplateError
from notifier.texts import text_of, traceback_of

if TYPE_CHECKING:
    from notifier.producer.changes import Changes

logger = logging.getLogger(__name__)

Function = TypeVar("Function", bound=Callable[..., Any])
Duration = float | timedelta | str
"""Seconds, or a text such as ``90s``, ``15m``, ``24h``, ``7d``."""
Tell = Literal["all", "end", "failures"]
"""One message from its start on; one at its end; one if it fails."""

NAME_CHARACTERS_MAX = 200
"""Ours: of a job's name, which is part of a key in Redis."""
OUTPUT_CHARACTERS = 3_000
"""Ours: of the end of a job's output; Discord takes 4,096 in all."""
QUIET_EXITS = (0, None)
"""What ``sys.exit`` is given by a program that has done its work."""
OVER_SECONDS = 1
"""Ours: after a failure nothing more comes for its message."""


class Job:
    """One message: started, how far it is, finished or failed (templates ``job_started``, ``_finished``, ``_failed``).

    The message is posted without a sound, and edited. A failure is heard: the message is deleted and posted anew.

    One object may be used again, but not by two at once; a decorated function has one for each call.

    Args:
        name: what it is called, in the alert and in ``notifier jobs``.
        type: the alert type; None: that of the template (general, or error if it failed).
        expect: how often it is started: if it is not, an alert is raised. Seconds, or ``24h``; None: nobody looks.
        grace: how much later than that it may be; None: a tenth of it, at most an hour.
        source: where it runs.
        tell: ``all``; ``end``: nothing before it is over; ``failures``: nothing but these.

    Raises:
        InvalidMessage: a name, a type, a duration or a word that cannot be one.
    """

    def __init__(
        self,
        name: str,
        *,
        type: str | None = None,
        expect: Duration | None = None,
        grace: Duration | None = None,
        source: str | None = None,
        tell: Tell = "all",
    ) -> None:
        from notifier.jobs.terms import JobTerms  # imports pydantic
        from notifier.message_parts import AlertType

        self.name = text_of(name).strip()
        if not self.name or len(self.name) > NAME_CHARACTERS_MAX or not self.name.isprintable():
            raise InvalidMessage(f"job: a name has 1 to {NAME_CHARACTERS_MAX} printable characters")
        if type is not None:
            AlertType.checked(type)
        if tell not in get_args(Tell):
            raise InvalidMessage(f"tell: {tell!r} is none of {', '.join(get_args(Tell))}")
        self.terms = JobTerms.of(expect, grace, type)
        self._type, self._source, self._tell = type, source, tell
        self._fraction: float | None = None
        self._step = ""
        self._run, self._started_at, self._seconds = "", 0.0, 0.0
        self._message: dict[str, Any] = {}
        self._changes: Changes | None = None

    def progress(self, fraction: float | None = None, step: str = "") -> None:
        """Note how far it is: ``fraction`` of 1, and what it does now. It waits for nothing.

        Its message shows the newest of it within seconds, and the last of it at the end.
        """
        with suppress(ValueError, TypeError):
            self._fraction = None if fraction is None else min(1.0, max(0.0, float(fraction)))
        self._step = text_of(step) or self._step
        if self._changes:
            self._changes.note()

    def finished(self, *, output: str = "", exit_code: int | None = None) -> None:
        """End it well. ``output``: of what it printed, the end is shown."""
        self._end("finished", exit_code)
        if self._tell == "failures":
            return
        context = {"summary": self._so_far("Last"), "output": output[-OUTPUT_CHARACTERS:]}
        self._raise("job_finished", context, **self._shown(resolved=True))

    def failed(
        self, error: BaseException | str, *, output: str = "", exit_code: int | None = None, traceback: str = ""
    ) -> None:
        """End it badly. ``output``: of what it printed, the end is shown."""
        self._end("failed", exit_code)
        shown = text_of(error) or "It failed."
        context: dict[str, Any] = {
            "error": f"{shown}\n{self._so_far('It had come to')}".strip(),
            "traceback": traceback,
            "output": output[-OUTPUT_CHARACTERS:],
        }
        if exit_code is not None:
            context["exit_code"] = exit_code
        over = {"dedup_seconds": OVER_SECONDS}
        if self._message and not self._type:  # failures have a type, and so a channel, of their own
            self._raise("job_failed", context, **self._shown(update=True, **over))
            self._message = {}
        self._raise("job_failed", context, **self._shown(repeat="replace", dedup_text="newest", **over))

    def start(self) -> None:
        """Begin; ``with`` does it."""
        self._run = str(uuid.uuid4())
        self._fraction, self._step = None, ""
        self._message, self._changes = {}, None
        is_noted = self._note(lambda pipeline: pipeline.start_job(self.name, self._run, self.terms))
        if self._tell == "all" and is_noted:
            self._message = self._of_this_run()
            if self._show(silent=True):
                from notifier.producer.changes import Changes

                self._changes = Changes(self._show)
            else:
                self._message = {}
        self._started_at = monotonic()  # to tell of it is no part of it

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finished()
        elif isinstance(error, SystemExit):
            code = error.code
            if code in QUIET_EXITS:
                self.finished(exit_code=0)
            else:
                number = code if isinstance(code, int) else 1
                said = f"It ended with exit code {number}." if isinstance(code, int) else text_of(code)
                self.failed(said, exit_code=number)
        else:
            self.failed(error, traceback=traceback_of(error))

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end = functools.partial(self.__exit__, kind, error, trace)
        try:
            ending = asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, end)
        except RuntimeError:  # the loop's threads are gone: the program ends
            end()
            return
        # cancelled a second time, it waits no longer; the thread goes on
        await ending

    def __call__(self, function: Function) -> Function:
        """The function as a job: each call is one."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Any, **more: Any) -> Any:
                async with copy.copy(self):
                    return await function(*args, **more)

            return run_async  # type: ignore[return-value]

        @functools.wraps(function)
        def run(*args: Any, **more: Any) -> Any:
            with copy.copy(self):
                return function(*args, **more)

        return run  # type: ignore[return-value]

    def _of_this_run(self) -> dict[str, Any]:
        """What makes alerts share its message; it is there for as long as a run may be silent."""
        from notifier.given_incident import DEDUP_SECONDS_MAX
        from notifier.jobs.terms import incident_key

        key = {"dedup_key": incident_key(self.name, self._run), "dedup_seconds": DEDUP_SECONDS_MAX}
        return {"alert_type": self._type or "general", **key}

    def _shown(self, **more: Any) -> dict[str, Any]:
        """The fields of an alert that its message shows; none if it has no message."""
        return {**self._message, **more, "progress": self._fraction} if self._message else {}

    def _show(self, **more: Any) -> bool:
        return self._raise("job_started", {"step": self._step}, **self._shown(update=True, **more))

    def _so_far(self, words: str) -> str:
        percent = "" if self._fraction is None or self._message else f"{self._fraction:.0%}"  # or a bar
        told = ", ".join(filter(None, (self._step, percent)))
        return f"{words}: {told}" if told else ""

    def _end(self, outcome: str, exit_code: int | None) -> None:
        self._seconds = monotonic() - self._started_at
        if self._changes:
            self._changes.end()
        self._note(lambda pipeline: pipeline.end_job(self.name, self._run, outcome, exit_code))

    def _note(self, step: Callable[[Any], object]) -> bool:
        """Tell it to the register in Redis, unless the alerts of this process go no further than it; whether it is."""
        try:
            from notifier.pipeline import client_pipeline

            step(client_pipeline())
        except NotifierError as error:
            logger.warning("job %s: not noted: %s", self.name, error)
            return False
        return True

    def _raise(self, template: str, context: dict[str, Any], **given: Any) -> bool:
        """Raise an alert; whether it was taken. ``given``: fields that win over the template's."""
        context = {**context, "job": self.name}
        if template != "job_started":
            context["duration"] = self._seconds
        if self._source:
            context["source"] = self._source
        if self._type:
            given["alert_type"] = self._type
        try:
            from notifier import send_notification

            try:
                send_notification.delay(template=template, context=context, **given)
            except TemplateError as error:  # no Jinja here, or a template of the user's that wants other variables
                logger.info("job %s: without its template: %s", self.name, error)
                send_notification.delay(**{**_plain(template, context), **given})
        except NotifierError as error:
            logger.warning("job %s: no alert: %s", self.name, error)
            return False
        return True


def _plain(template: str, context: dict[str, Any]) -> dict[str, Any]:
    """The same alert without a template."""
    what = template.removeprefix("job_")
    fields: dict[str, Any] = {"Exit code": context["exit_code"]} if "exit_code" in context else {}
    if "duration" in context:
        fields["Took"] = f"{context['duration']:.3g} s"
    texts = (context.get(name) for name in ("error", "summary", "step", "output"))
    return {
        "alert_type": "error" if what == "failed" else "general",
        "severity": "error" if what == "failed" else "info",
        "title": f"{context['job']} {what}",
        "message": "\n".join(filter(None, texts)),
        "traceback": context.get("traceback"),
        "fields": fields,
        "source": context.get("source"),
        "markdown": False,
    }


job = Job
