"""A record says what became of an alert, and is read back only from a result that is ours."""

import json

import pytest

from notifier.cli.output import print_records
from notifier.message_parts import MessageFile
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.record import Record, as_result, iso, of_result, record
from notifier.outcome import Status

MESSAGE = NotificationMessage(id="a", title="T", alert_type=AlertType.ERROR)
AT = "2027-01-15T08:00:00.000000+00:00"


def ended(status: Status = Status.DELIVERED, **more: str | None) -> Record:
    given: dict[str, str | None] = {"message_id": "1", "channel_id": "2", "guild_id": "3", **more}
    return record(MESSAGE, status, admitted_at=AT, finished_at=AT, **given)  # type: ignore[arg-type]


def test_a_time_of_redis_is_text_with_all_its_microseconds() -> None:
    assert iso(1_800_000_000_000_001) == "2027-01-15T08:00:00.000001+00:00"
    assert iso(1_800_000_000_000_000) == AT, "as long as any other, or they would not sort as text"


def test_only_what_is_delivered_is_a_success() -> None:
    assert [status for status in Status if ended(status)["success"]] == [Status.DELIVERED]


def test_the_link_leads_to_the_message() -> None:
    assert ended()["link"] == "https://discord.com/channels/3/2/1"


@pytest.mark.parametrize("missing", ["message_id", "channel_id", "guild_id"])
def test_there_is_no_link_that_leads_nowhere(missing: str) -> None:
    assert ended(**{missing: None})["link"] is None


def test_the_message_is_kept_so_that_it_can_be_sent_again() -> None:
    assert NotificationMessage.model_validate(ended()["message"]) == MESSAGE


def test_a_stored_record_is_read_as_it_was_written() -> None:
    assert of_result(as_result(ended())) == ended()


@pytest.mark.parametrize("result", [None, 3, "text", {"id": "a"}, ["admitted_at"], "admitted_at"])
def test_the_result_of_another_task_is_no_record(result: object) -> None:
    assert of_result(json.dumps({"status": "SUCCESS", "result": result})) is None


@pytest.mark.parametrize("text", [None, ""])
def test_no_result_is_no_record(text: str | None) -> None:
    assert of_result(text) is None


def test_of_files_a_record_has_names_and_sizes_and_the_list_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    message = NotificationMessage(title="T", files=[MessageFile(name="chart.png", content=b"\x00" * 70_000)])
    ended = record(message, Status.DELIVERED, admitted_at=AT, finished_at=AT)
    assert ended["message"]["files"] == [{"name": "chart.png", "bytes": 70_000}]
    print_records("History", [ended])
    assert "[chart.png, 70,000 bytes]" in capsys.readouterr().out
