"""Flower's metrics are for who is logged in, and for the scraper by choice alone."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr
from tornado.web import HTTPError

from notifier.dashboard.scraping import restrict_metrics
from notifier.settings import Settings

BEARER = {"Authorization": "Bearer fake-metrics-token"}


def answer(headers: dict[str, str], *, user: object = None, login: bool = True, **settings: Any) -> int:
    """The status of a request for the metrics."""

    class Metrics:
        """Flower's handler."""

        application = SimpleNamespace(options=SimpleNamespace(auth="", basic_auth=["a:b"] if login else []))
        request = SimpleNamespace(headers=headers)
        current_user = user
        prepare: Any = None

    restrict_metrics(Metrics, Settings.load().model_copy(update=settings))
    try:
        Metrics().prepare()
    except HTTPError as error:
        return error.status_code
    return 200


TOKEN = {"metrics_token": SecretStr("fake-metrics-token")}


@pytest.mark.parametrize(
    ("status", "given"),
    [
        (401, {"headers": {}}),
        (200, {"headers": {}, "user": "somebody"}),
        (200, {"headers": {}, "login": False}),
        (200, {"headers": {}, "metrics_open": True}),
        (200, {"headers": BEARER, **TOKEN}),
        (200, {"headers": {"Authorization": "bearer  fake-metrics-token "}, **TOKEN}),
        (401, {"headers": BEARER}),
        (401, {"headers": {"Authorization": "Bearer "}}),
        (401, {"headers": {"Authorization": "Bearer another"}, **TOKEN}),
        (401, {"headers": {"Authorization": "Basic fake-metrics-token"}, **TOKEN}),
    ],
)
def test_who_may_read_the_metrics(status: int, given: dict[str, Any]) -> None:
    assert answer(**given) == status
