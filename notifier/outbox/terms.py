"""The terms on which an alert is admitted, beside its message: what Celery's options say of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one alert. Seconds count from its admission.

    Args:
        after_seconds: it is not posted before that (Celery's ``countdown`` and ``eta``).
        expires_seconds: it is not posted after that (Celery's ``expires``); None: DISCORD_EXPIRE_SECONDS alone counts.
        callbacks: what is called once it is final (``callbacks.py``), as JSON; empty if nothing is.
    """

    after_seconds: float = 0
    expires_seconds: float | None = None
    callbacks: str = ""


NO_TERMS = Terms()
