"""All settings, read once from the environment and ``.env``, checked at start.

Every variable except the webhooks has a default. An application that only raises alerts needs no webhook, so one that
is wrong does not stop it.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from notifier.environment import plain
from notifier.errors import ConfigurationError
from notifier.models import AlertType
from notifier.per_type import BY_TYPE, PER_TYPE, PerTypeSource, named, variable_of, variables_per_type
from notifier.quiet_hours import NO_QUIET_HOURS, Manner, QuietHours
from notifier.routing import PRIORITY, ROUTES
from notifier.setting_sources import (
    DEFAULT_API_URL,
    SECRETS,
    EnvironmentSource,
    GivenSource,
    SecretFileSource,
    WebhookSource,
)
from notifier.setting_types import (
    AlertTypes,
    ApiUrl,
    BrokerUrl,
    Bytes,
    Count,
    Days,
    DedupText,
    GroupedType,
    KeyPrefix,
    LongSeconds,
    LongText,
    Mentions,
    Names,
    OurWebhook,
    PartCount,
    Patterns,
    QueueName,
    Quiet,
    RedisUrl,
    Repeat,
    RepostAfter,
    Retries,
    Seconds,
    SecondsOrOff,
    Targets,
    UserName,
)
from notifier.storage.url import with_password
from notifier.webhook import Webhook
from notifier.worker_settings import WorkerSettings

DEFAULT_KEY_PREFIX = "notifier:"
DEFAULT_REDIS_URL = "redis://localhost:6379/0"

MAY_HOLD_A_HASH = frozenset(
    ("REDIS_URL", "CELERY_BROKER_URL", "NOTIFIER_SPOOL_DIR", "NOTIFIER_TEMPLATES_DIR", "NOTIFIER_LOG_FILE")
) | {"NOTIFIER_SECRET_PATTERNS", "NOTIFIER_RUN_DIR", *SECRETS}
"""Variables whose value may hold a ``#``: passwords (which are refused with a hint), and paths."""
MADE_OF_SEVERAL = ("webhooks", "unreadable_secrets", BY_TYPE)
"""How the names of fields end that have no variable of their own."""


class Settings(WorkerSettings, BaseSettings):
    """The settings of this process; ``Settings.load()`` reads them, ``settings()`` caches them."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    webhooks: Mapping[AlertType, OurWebhook] = Field(default_factory=dict, validation_alias="webhooks")
    """The first one of each type; ``webhooks_of`` has all."""
    further_webhooks: Mapping[AlertType, tuple[OurWebhook, ...]] = Field(
        default_factory=dict, validation_alias="further_webhooks"
    )
    wrong_webhooks: Mapping[AlertType, str] = Field(default_factory=dict, validation_alias="wrong_webhooks")
    """The types whose variable is set and no webhook, each with what is wrong; the text shows nothing of the value."""
    api_url: ApiUrl = Field(DEFAULT_API_URL, validation_alias="DISCORD_API_URL")
    rate_limit_per_minute: Count = Field(30, validation_alias="DISCORD_RATE_LIMIT")
    retry_attempts: Retries = Field(3, validation_alias="DISCORD_RETRY_ATTEMPTS")
    retry_backoff_seconds: Seconds = Field(2, validation_alias="DISCORD_RETRY_BACKOFF_SECONDS")
    retry_backoff_max_seconds: Seconds = Field(60, validation_alias="DISCORD_RETRY_BACKOFF_MAX_SECONDS")
    timeout_seconds: Seconds = Field(10, validation_alias="DISCORD_TIMEOUT_SECONDS")
    queue_size: Count = Field(100, validation_alias="DISCORD_QUEUE_SIZE")
    memory_bytes_max: Bytes = Field(256 * 2**20, validation_alias="NOTIFIER_MEMORY_BYTES_MAX")
    queue_overflow: Literal["digest", "reject"] = Field("digest", validation_alias="DISCORD_QUEUE_OVERFLOW")
    expire_seconds: LongSeconds = Field(86_400, validation_alias="DISCORD_EXPIRE_SECONDS")
    unknown_leave: AlertTypes = Field(frozenset(), validation_alias="DISCORD_UNKNOWN_LEAVE")
    fallback: AlertType | None = Field(None, validation_alias="DISCORD_FALLBACK")
    undeliverable_seconds: SecondsOrOff = Field(300, validation_alias="DISCORD_UNDELIVERABLE_SECONDS")
    direct_fallback: AlertTypes = Field(frozenset(), validation_alias="DISCORD_DIRECT_FALLBACK")
    long_text: LongText = Field("attach", validation_alias="DISCORD_LONG_TEXT")
    long_text_by_type: Mapping[AlertType, LongText] = Field(default_factory=dict, validation_alias="long_text_by_type")
    mentions_by_type: Mapping[AlertType, Mentions] = Field(default_factory=dict, validation_alias="mentions_by_type")
    mention_quiet_seconds: SecondsOrOff = Field(300, validation_alias="DISCORD_MENTION_QUIET_SECONDS")
    dedup_seconds: LongSeconds = Field(3_600, validation_alias="DISCORD_DEDUP_SECONDS")
    dedup_seconds_by_type: Mapping[AlertType, LongSeconds] = Field(
        default_factory=dict, validation_alias="dedup_seconds_by_type"
    )
    repeat: Repeat = Field("edit", validation_alias="DISCORD_REPEAT")
    repeat_by_type: Mapping[AlertType, Repeat] = Field(default_factory=dict, validation_alias="repeat_by_type")
    group_seconds_by_type: Mapping[GroupedType, SecondsOrOff] = Field(
        default_factory=dict, validation_alias="group_seconds_by_type"
    )
    dedup_text: DedupText = Field("newest", validation_alias="DISCORD_DEDUP_TEXT")
    dedup_text_by_type: Mapping[AlertType, DedupText] = Field(
        default_factory=dict, validation_alias="dedup_text_by_type"
    )
    remind_seconds: SecondsOrOff = Field(0, validation_alias="DISCORD_REMIND_SECONDS")
    remind_seconds_by_type: Mapping[AlertType, SecondsOrOff] = Field(
        default_factory=dict, validation_alias="remind_seconds_by_type"
    )
    escalate_after: SecondsOrOff = Field(0, validation_alias="DISCORD_ESCALATE_AFTER")
    escalate_after_by_type: Mapping[AlertType, SecondsOrOff] = Field(
        default_factory=dict, validation_alias="escalate_after_by_type"
    )
    escalate_to: Targets = Field((AlertType.CRITICAL,), validation_alias="DISCORD_ESCALATE_TO")
    escalate_to_by_type: Mapping[AlertType, Targets] = Field(
        default_factory=dict, validation_alias="escalate_to_by_type"
    )
    dedup_repost_after: RepostAfter = Field(0, validation_alias="DISCORD_DEDUP_REPOST_AFTER")
    dedup_repost_after_by_type: Mapping[AlertType, RepostAfter] = Field(
        default_factory=dict, validation_alias="dedup_repost_after_by_type"
    )
    incident_thread: bool = Field(False, validation_alias="DISCORD_INCIDENT_THREAD")
    incident_thread_by_type: Mapping[AlertType, bool] = Field(
        default_factory=dict, validation_alias="incident_thread_by_type"
    )
    quiet_hours: Quiet = Field(NO_QUIET_HOURS, validation_alias="DISCORD_QUIET_HOURS")
    quiet_hours_by_type: Mapping[AlertType, Quiet] = Field(default_factory=dict, validation_alias="quiet_hours_by_type")
    reopen_seconds: SecondsOrOff = Field(300, validation_alias="DISCORD_REOPEN_SECONDS")
    split_max: PartCount = Field(4, validation_alias="DISCORD_SPLIT_MAX")
    history_days: Days = Field(7, validation_alias="DISCORD_HISTORY_DAYS")
    history_text_bytes: Bytes = Field(4_096, validation_alias="NOTIFIER_HISTORY_TEXT_BYTES")
    breaker_failures: Count = Field(5, validation_alias="DISCORD_BREAKER_FAILURES")
    breaker_open_seconds: Seconds = Field(60, validation_alias="DISCORD_BREAKER_OPEN_SECONDS")
    breaker_open_max_seconds: Seconds = Field(600, validation_alias="DISCORD_BREAKER_OPEN_MAX_SECONDS")
    backend: Literal["redis", "memory", "console", "null"] = Field("redis", validation_alias="NOTIFIER_BACKEND")
    redis_url: RedisUrl = Field(SecretStr(DEFAULT_REDIS_URL), validation_alias="REDIS_URL")
    redis_password: SecretStr | None = Field(None, validation_alias="NOTIFIER_REDIS_PASSWORD")
    broker_url: BrokerUrl | None = Field(None, validation_alias="CELERY_BROKER_URL")
    key_prefix: KeyPrefix = Field(DEFAULT_KEY_PREFIX, validation_alias="NOTIFIER_KEY_PREFIX")
    callback_queue: QueueName = Field("celery", validation_alias="NOTIFIER_CALLBACK_QUEUE")
    publish_timeout_seconds: Seconds = Field(2, validation_alias="NOTIFIER_PUBLISH_TIMEOUT_SECONDS")
    spool_dir: Path | None = Field(None, validation_alias="NOTIFIER_SPOOL_DIR")
    spool_max: Count = Field(10_000, validation_alias="NOTIFIER_SPOOL_MAX")
    spool_bytes_max: Bytes = Field(2**30, validation_alias="NOTIFIER_SPOOL_BYTES_MAX")
    templates_dir: Path | None = Field(None, validation_alias="NOTIFIER_TEMPLATES_DIR")
    markdown: bool = Field(True, validation_alias="DISCORD_MARKDOWN")
    mask_secrets: bool = Field(True, validation_alias="NOTIFIER_MASK_SECRETS")
    secret_patterns: Patterns = Field((), validation_alias="NOTIFIER_SECRET_PATTERNS")
    flower_hosts: Names = Field(frozenset(), validation_alias="NOTIFIER_FLOWER_HOSTS")
    web_user: UserName = Field("notifier", validation_alias="NOTIFIER_WEB_USER")
    web_password: SecretStr | None = Field(None, validation_alias="NOTIFIER_WEB_PASSWORD")
    web_hosts: Names = Field(frozenset(), validation_alias="NOTIFIER_WEB_HOSTS")
    web_read_only: bool = Field(False, validation_alias="NOTIFIER_WEB_READ_ONLY")
    unreadable_secrets: tuple[str, ...] = Field((), validation_alias="unreadable_secrets")
    """What is wrong with variables that name the file of a password or a token; nothing of a value."""
    metrics_token: SecretStr | None = Field(None, validation_alias="NOTIFIER_METRICS_TOKEN")
    metrics_open: bool = Field(False, validation_alias="NOTIFIER_METRICS_OPEN")

    @model_validator(mode="before")  # one for each field would take a sixth of the time in which the class is built
    @classmethod
    def _plain(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is empty when nothing surrounds it any more is not given; Redis' password becomes part of its URL."""
        found = {
            name: plain(value, hash_ends=name not in MAY_HOLD_A_HASH) if isinstance(value, str) else value
            for name, value in given.items()
        }
        if password := found.get("NOTIFIER_REDIS_PASSWORD"):
            found["REDIS_URL"] = with_password(found.get("REDIS_URL") or DEFAULT_REDIS_URL, password)
        return {name: value for name, value in found.items() if value or not isinstance(value, str)}

    @field_validator("group_seconds_by_type")
    @classmethod
    def _group_seconds(cls, value: Mapping[AlertType, float], info: ValidationInfo) -> Mapping[AlertType, float]:
        if late := [kind for kind, seconds in value.items() if seconds >= info.data.get("expire_seconds", math.inf)]:
            raise ValueError(f"alerts of {', '.join(late)} would expire before that (DISCORD_EXPIRE_SECONDS)")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment over ``.env`` over what was given; the webhooks from their own source."""
        own = (EnvironmentSource, SecretFileSource, GivenSource, WebhookSource, PerTypeSource)
        return init_settings, *(source(settings_cls) for source in own)

    @classmethod
    def load(cls) -> Self:
        """Read the environment and ``.env``.

        Raises:
            ConfigurationError: a variable is wrong; names it, never its value.
        """
        try:
            found = cls()
        except ValidationError as error:
            problems = "; ".join(f"{named(item['loc'])}: {item['msg']}" for item in error.errors(include_input=False))
            raise ConfigurationError(problems.replace("Value error, ", "")) from None
        found._refuse_long_holds()
        return found

    def _refuse_long_holds(self) -> None:
        for kind in AlertType:
            quiet = self.quiet_hours_of(kind)
            if quiet.manner is Manner.HOLD and not quiet.end_within(self.expire_seconds):
                own = kind in self.quiet_hours_by_type
                name = variable_of("quiet_hours", kind) if own else PER_TYPE["quiet_hours"]
                raise ConfigurationError(f"{name}: alerts would expire before such hours end (DISCORD_EXPIRE_SECONDS)")

    def refuse_wrong_webhooks(self) -> None:
        """Check what only a process that posts needs.

        Raises:
            ConfigurationError: a variable of a webhook is wrong; names all that are, and no value.
        """
        if self.wrong_webhooks:
            raise ConfigurationError("; ".join(self.wrong_webhooks.values()))

    @property
    def warnings(self) -> list[str]:
        """What is dangerous and not wrong, and what is set in vain, in words."""
        from notifier.setting_warnings import set_in_vain, without_tls  # few look

        found = set_in_vain(self.spellings())
        if self.backend != "redis":
            found.append(f"NOTIFIER_BACKEND={self.backend}: applications with this setting send no alert to any worker")
        real = [
            route.webhook_variables[0]
            for kind, route in ROUTES.items()
            if any(each.looks_real for each in self.webhooks_of(kind))
        ]
        found += without_tls(self.api_url, real)
        targets = self._escalation_targets()
        lacking = [variable for kind, variable in self._missing_by_type().items() if kind in targets]
        if self.webhooks and lacking:
            found.append(f"DISCORD_ESCALATE_TO: nobody would be told, for {', '.join(lacking)} is not set")
        return found

    def _escalation_targets(self) -> set[str]:
        """The types, and mentions, that take what is escalated by a setting."""
        escalated = [kind for kind in ROUTES if self.escalate_after_by_type.get(kind, self.escalate_after)]
        return {each for kind in escalated for each in self.escalate_to_by_type.get(kind, self.escalate_to)}

    def webhooks_of(self, alert_type: AlertType) -> tuple[Webhook, ...]:
        """All webhooks of one type, in order."""
        first = self.webhooks.get(alert_type)
        return (first, *self.further_webhooks.get(alert_type, ())) if first else ()

    @property
    def missing_webhooks(self) -> list[str]:
        """The variables of the alert types that have no webhook."""
        return list(self._missing_by_type().values())

    def _missing_by_type(self) -> dict[AlertType, str]:
        return {kind: route.webhook_variables[0] for kind, route in ROUTES.items() if kind not in self.webhooks}

    def quiet_hours_of(self, alert_type: AlertType) -> QuietHours:
        """Those of one type: its own, or what is set for all; of critical and security alerts their own alone."""
        of_all = NO_QUIET_HOURS if alert_type in PRIORITY else self.quiet_hours
        return self.quiet_hours_by_type.get(alert_type, of_all)

    def fallback_for(self, webhook: Webhook | None) -> AlertType | None:
        """The type whose channel takes what ``webhook`` cannot; None if there is none, or it is the same webhook."""
        taking = self.webhooks_of(self.fallback) if self.fallback else ()
        return self.fallback if any(webhook is None or webhook.id != each.id for each in taking) else None

    @classmethod
    def variables(cls) -> list[str]:
        """Every environment variable that is read, by name."""
        own = [info.validation_alias for name, info in cls.model_fields.items() if not name.endswith(MADE_OF_SEVERAL)]
        names = [str(name) for name in own]
        return sorted(names + variables_per_type() + [route.webhook_variables[0] for route in ROUTES.values()])

    @classmethod
    def spellings(cls) -> list[str]:
        """The same with their other spellings."""
        webhooks = [name for route in ROUTES.values() for name in route.webhook_variables]
        return sorted({*cls.variables(), *webhooks, *(f"{name}_FILE" for name in (*webhooks, *SECRETS))})


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read at first use."""
    return Settings.load()
