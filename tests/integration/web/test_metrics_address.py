"""``GET /metrics``: for a scraper that has the token, for who is logged in, or for everybody by choice."""

import pytest

from tests.integration.web.conftest import METRICS_TOKEN, MakePage, Page

BEARER = {"Authorization": f"Bearer {METRICS_TOKEN}"}


@pytest.mark.parametrize("headers", [BEARER, {}, BEARER | {"Host": "web:8027"}])
def test_the_token_and_the_login_read_it(page: Page, headers: dict[str, str]) -> None:
    page.deliver("n1")
    answer = page.ask("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'notifier_alerts_delivered_total{alert_type="general"} 1.0\n' in answer.text


@pytest.mark.parametrize("wrong", ["", "Bearer x", "Bearer", f"Basic {METRICS_TOKEN}"])
def test_nobody_else_reads_it(page: Page, wrong: str) -> None:
    answer = page.ask("/metrics", headers={"Authorization": wrong})
    assert answer.status_code == 401
    assert "notifier_" not in answer.text


def test_the_token_reads_nothing_else(page: Page) -> None:
    for path in ("/", "/api/overview", "/api/history"):
        assert page.ask(path, headers=BEARER).status_code in (303, 401)


def test_it_is_open_by_choice_and_nothing_else_is(make_page: MakePage) -> None:
    page = make_page(metrics_open=True)
    assert page.ask("/metrics", headers={"Authorization": "", "Host": "web:8027"}).status_code == 200
    assert page.ask("/api/overview", headers={"Authorization": ""}).status_code == 401


def test_without_redis_it_says_so(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    from notifier.errors import BrokerUnavailable
    from notifier.operations import metrics as metrics_module

    def away(*_: object) -> None:
        raise BrokerUnavailable("away")

    monkeypatch.setattr(metrics_module, "current", away)
    answer = page.ask("/metrics", headers=BEARER)
    assert answer.status_code == 200
    assert "notifier_redis_up 0.0\n" in answer.text
