"""Who may read Flower's ``/metrics``: who is logged in, and the scraper if it was given the right."""

import hmac
from typing import Any

from notifier.dashboard.options import has_login
from notifier.settings import Settings


def restrict_metrics(metrics: Any, settings: Settings) -> None:
    """Let Flower's handler of its metrics ask for the login, as its other pages do; Flower's own asks nobody.

    NOTIFIER_METRICS_TOKEN and NOTIFIER_METRICS_OPEN are those of the operator's page.

    Args:
        metrics: the class.
    """
    from tornado.web import HTTPError

    token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""

    def prepare(self: Any) -> None:
        if settings.metrics_open or not has_login(self.application.options):
            return
        scheme, _, given = self.request.headers.get("Authorization", "").strip().partition(" ")
        if token and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode()):
            return
        if not self.current_user:  # it raises 401 for a wrong login
            raise HTTPError(401)

    metrics.prepare = prepare
