"""What ``notifier check`` answers where not even the settings can be read."""

import json

import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.errors import ConfigurationError

WRONG = "DISCORD_RATE_LIMIT: Input should be a valid integer"


@pytest.fixture(autouse=True)
def wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    def client_pipeline() -> None:
        raise ConfigurationError(WRONG)

    monkeypatch.setattr("notifier.pipeline.client_pipeline", client_pipeline)


def test_wrong_settings_are_a_document_too() -> None:
    done = CliRunner().invoke(main, ["check", "--json"])
    told = json.loads(done.output)
    assert done.exit_code == 1
    assert told["ok"] is False
    assert told["problems"] == [told["settings"]["problem"]] == [WRONG]


def test_and_one_line_for_people() -> None:
    done = CliRunner().invoke(main, ["check"])
    assert done.exit_code == 1
    assert done.output.split() == f"Error: {WRONG} [configuration_error]".split()
