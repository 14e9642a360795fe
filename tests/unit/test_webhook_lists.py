"""Several webhooks of one type, as people write them."""

import pytest

from notifier.errors import ConfigurationError
from notifier.models import AlertType
from notifier.settings import Settings
from notifier.webhook import WEBHOOKS_MAX, parse_webhooks

API = "https://discord.com/api/v10"
ONE, TWO, THREE = (f"https://discord.com/api/webhooks/100000000000000000{number}/fake-{number}" for number in (1, 2, 3))
IDS = ["1000000000000000001", "1000000000000000002"]


@pytest.mark.parametrize(
    "text",
    [
        f"{ONE},{TWO}",
        f"  {ONE} ,\t{TWO},  ",
        f'"{ONE}, {TWO}"',
        f"'{ONE}','{TWO}'",
        f'["{ONE}", "{TWO}"]',
        f"{ONE}, {TWO} # the second is new",
        f"{ONE}  # of the team\n\n{TWO}\n",
    ],
)
def test_a_list_is_read_however_it_is_written(text: str) -> None:
    assert [each.id for each in parse_webhooks("V", text, API)] == IDS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{ONE},{TWO},{ONE}", "V: number 3 is the same webhook as number 1"),
        (f"{ONE},{ONE}-other?thread_id=3", "V: number 2 is the same webhook as number 1"),
        (f"{ONE},https://example.org/fake-secret", "V (number 2): expected https://discord.com/"),
        (f"{ONE},{TWO}/fake-secret/fake", "V (number 2): expected"),
        ("fake-secret", "V: expected"),
        ('["fake-secret", 1]', "V (number 1): expected"),
        (",".join([ONE] * (WEBHOOKS_MAX + 1)), f"V: {WEBHOOKS_MAX + 1} webhooks are given"),
    ],
)
def test_what_is_wrong_is_named_in_one_line_and_no_url_is_shown(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_webhooks("V", text, API)
    assert str(raised.value).startswith(said)
    assert "fake" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("variable", ["DISCORD_WEBHOOK_ERRORS", "DISCORD_WEBHOOK_ERROR"])
def test_each_variable_takes_a_list_and_a_file_of_them(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("secrets") / "security"
    file.write_text(f"{ONE}\n{THREE}\n")
    monkeypatch.setenv(variable, f"{ONE},{TWO}")
    monkeypatch.setenv("DISCORD_WEBHOOK_SECURITY_FILE", str(file))
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL", THREE)
    found = Settings.load()
    assert [each.id for each in found.webhooks_of(AlertType.ERROR)] == IDS
    assert found.webhooks[AlertType.ERROR].id == IDS[0]
    assert len(found.webhooks_of(AlertType.SECURITY)) == 2
    assert len(found.webhooks_of(AlertType.GENERAL)) == 1
    assert found.webhooks_of(AlertType.CRITICAL) == ()
    assert "fake" not in repr(found)


def test_a_list_of_which_one_is_wrong_is_wrong_and_the_others_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_WEBHOOK_ERRORS", f"{ONE},{ONE}")
    monkeypatch.setenv("DISCORD_WEBHOOK_GENERAL", TWO)
    found = Settings.load()
    assert list(found.wrong_webhooks) == [AlertType.ERROR]
    assert found.webhooks_of(AlertType.ERROR) == ()
    assert len(found.webhooks_of(AlertType.GENERAL)) == 1
