"""compose.yaml hands on every setting that makes sense in a container."""

from pathlib import Path

import yaml

from notifier.settings import Settings

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "compose.yaml").read_text(encoding="utf-8"))
OF_THE_CONTAINER = {"REDIS_URL", "NOTIFIER_LOG_FILE", "NOTIFIER_TEMPLATES_DIR"}
OF_THE_CALLER = {"NOTIFIER_SPOOL_DIR", "NOTIFIER_SPOOL_MAX", "DISCORD_DIRECT_FALLBACK"}


def test_every_variable_reaches_the_worker() -> None:
    handed_on = COMPOSE["services"]["notification_service"]["environment"]
    assert set(handed_on) - OF_THE_CONTAINER == set(Settings.variables()) - OF_THE_CONTAINER - OF_THE_CALLER
    for name in set(handed_on) - OF_THE_CONTAINER:
        assert handed_on[name] == f"${{{name}:-}}"
