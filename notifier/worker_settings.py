"""Settings that only a worker reads: how it starts, looks, logs and is looked at."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from notifier.setting_types import CalledUrl, Seconds, SecondsOrOff


class WorkerSettings:
    """A part of ``Settings``, and no model of its own: nobody makes one of these alone."""

    start_seconds: SecondsOrOff = Field(30, validation_alias="NOTIFIER_START_SECONDS")
    sweep_seconds: Seconds = Field(5, validation_alias="NOTIFIER_SWEEP_SECONDS")
    watch_seconds: SecondsOrOff = Field(900, validation_alias="NOTIFIER_WATCH_SECONDS")
    heartbeat_url: CalledUrl | None = Field(None, validation_alias="NOTIFIER_HEARTBEAT_URL")
    heartbeat_seconds: Seconds = Field(60, validation_alias="NOTIFIER_HEARTBEAT_SECONDS")
    run_dir: Path | None = Field(None, validation_alias="NOTIFIER_RUN_DIR")
    log_file: Path = Field(Path("logs/notifications.log"), validation_alias="NOTIFIER_LOG_FILE")
    log_format: Literal["auto", "text", "json"] = Field("auto", validation_alias="NOTIFIER_LOG_FORMAT")
