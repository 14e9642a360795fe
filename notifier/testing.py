"""For the tests of an application that raises alerts: the pytest fixture ``alerts``, and the option ``--notify``.

Installed with the package (entry point ``pytest11``). Imports nothing of it until a test asks for the fixture, or a run
for an alert.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from notifier.models import NotificationMessage


class Alerts:
    """The alerts that the code under test has raised, in order: no Redis, no worker, no HTTP.

    Each is checked, prepared and composed as ever, so what is wrong raises as ever. Its result is there at once, with
    status ``captured``. Whatever looks at them waits first until the records that were logged before are alerts too.
    """

    def __init__(self) -> None:
        self._sent: list[NotificationMessage] = []

    @property
    def sent(self) -> "list[NotificationMessage]":
        """The alerts, in order."""
        from notifier.integrations.log_sender import flush_all

        flush_all()
        return self._sent

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """What would be posted to Discord: the JSON body of each alert, were it sent alone, or of each of its parts."""
        from notifier.render.batch import compose
        from notifier.render.split import parts_of

        return [compose([part]).body for message in self.sent for part in parts_of(message)]

    def assert_sent(
        self,
        *,
        type: str | None = None,
        count: int | None = None,
        **expected: Any,
    ) -> "NotificationMessage":
        """The first alert that has all these values; the test fails, with all that were sent, if there is none.

        Args:
            type: the alert type.
            count: how many there are to be, 1 or more; None: at least one. For none there is ``assert_none_sent``.
            expected: fields of the message, as ``title="Disk full"``. A pattern (``re.compile``) is searched for in the
                text. ``fields`` is a mapping; those that it does not name may be there as well.
        """
        if count is not None and count < 1:
            raise ValueError("count: 1 or more; for none there is assert_none_sent")
        found = self._found(type, expected)
        if not found or count not in (None, len(found)):
            wanted = ", ".join(f"{name}={value!r}" for name, value in expected.items()) or "of any kind"
            from notifier.counting import counted

            how_many = "at least 1 alert" if count is None else counted(count, "alert")
            pytest.fail(f"expected {how_many} {wanted}, found {len(found)}. {self._told()}", pytrace=False)
        return found[0]

    def assert_none_sent(self, *, type: str | None = None, **expected: Any) -> None:
        """The test fails if any alert was raised that has all these values (as in ``assert_sent``)."""
        if self._found(type, expected):
            wanted = "".join(f" {name}={value!r}" for name, value in expected.items())
            pytest.fail(f"expected no alert{wanted}. {self._told()}", pytrace=False)

    def clear(self) -> None:
        """Forget what was raised so far."""
        self.sent.clear()

    def _found(self, type: str | None, expected: dict[str, Any]) -> "list[NotificationMessage]":
        if type is not None:
            expected["alert_type"] = type
        return [message for message in self.sent if all(_has(message, *each) for each in expected.items())]

    def _told(self) -> str:
        lines = [f"  {message.alert_type}: {message.title!r} {message.message[:100]!r}" for message in self.sent]
        return "\n".join(["Raised were:", *lines]) if lines else "None was raised."


def _has(message: "NotificationMessage", name: str, wanted: Any) -> bool:
    value = getattr(message, name)  # a misspelt name is the test's own mistake: AttributeError
    if name == "fields":
        found = {field.name: field.value for field in value}
        return all(field in found and _is(found[field], text) for field, text in dict(wanted).items())
    return _is(value, wanted)


def _is(value: Any, wanted: Any) -> bool:
    return wanted.search(str(value)) is not None if isinstance(wanted, re.Pattern) else bool(value == wanted)


@pytest.fixture
def alerts() -> Iterator[Alerts]:
    """The alerts that the code under test raises in this process, in any thread."""
    from notifier.integrations.log_sender import begin_anew, flush_all
    from notifier.producer.captures import capturing

    with capturing(lambda _: None):
        begin_anew()  # what was logged before is none of this test's; without Redis it still waits for who takes it
    captured = Alerts()
    with capturing(captured._sent.append):
        yield captured
        flush_all()  # what was logged at last would else be raised in another test, or in Redis


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("notifier")
    group.addoption("--notify", action="store_true", help="raise an alert at the end of a run that did not pass")
    group.addoption("--notify-type", default="error", metavar="TYPE", help="its alert type (error)")


def pytest_configure(config: pytest.Config) -> None:
    """Begin, if it is asked for."""
    if config.getoption("notify"):
        from notifier.integrations.pytest_plugin import begin

        begin(config)
