"""Django itself, in a process of its own: its settings are one per process."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = """
import asyncio, contextlib, json, logging, sys
from django.conf import settings

settings.configure(
    DEBUG=False, SECRET_KEY="fake", ALLOWED_HOSTS=["*"], ROOT_URLCONF="shop", USE_TZ=True,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "notifier.integrations.django"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    MIDDLEWARE=[],
    LOGGING={"version": 1, "disable_existing_loggers": False, "formatters": {"plain": {"format": "%(message)s"}},
        "handlers": {"mail_admins": {"class": "notifier.integrations.django.AdminNotificationHandler",
            "level": "ERROR"}},
        "loggers": {"django": {"handlers": ["mail_admins"], "level": "INFO"},
            "shop": {"handlers": ["mail_admins"], "level": "INFO"}}},
    NOTIFIER=NOTIFIER_SETTINGS,
)
EARLY
import django
django.setup()
from django.core import checks
from django.db import transaction
from django.http import HttpResponse, UnreadablePostError
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from notifier import InvalidMessage, NotificationMessage
from notifier.environment import give
from notifier.integrations.django import send_on_commit
from notifier.integrations.django.configuration import variables_of
from notifier.producer.captures import capturing

class User:
    is_authenticated = True
    pk = 17

def fail(request, number):
    request._cached_user = User()
    raise ValueError(f"no order __{number}__")

def upload(request):
    raise UnreadablePostError("the client has gone")

async def fail_async(request):
    raise KeyError("async")

def log(request):
    logging.getLogger("shop").error("paid twice", extra={"request": request})
    logging.getLogger("django.server").error("GET /log/ HTTP/1.1 500 59787")  # as runserver does
    return HttpResponse("fine")

urlpatterns = [path("orders/<int:number>/", fail), path("later/", fail_async), path("log/", log),
    path("upload/", upload)]
sys.modules["shop"] = sys.modules["__main__"]
client = Client(raise_request_exception=False)
sent, kept = [], []

def take(message):
    if message.title == "refused":
        raise OSError("nobody takes it")
    sent.append(message)

class Keep(logging.Handler):
    emit = kept.append

logging.getLogger("shop").addHandler(Keep())  # behind ours

def shown():
    for handler in logging.getLogger("django").handlers:
        handler.flush(30)
    found = [json.loads(each.model_dump_json(exclude_defaults=True)) for each in sent]
    sent.clear()
    return found

def get(path, client=client):
    return [client.get(path).status_code, shown()]

def checked(given):
    from notifier.settings import settings as read
    with override_settings(NOTIFIER=given):
        give(variables_of(given))
        read.cache_clear()
        return {each.id: each.msg for each in checks.run_checks() if each.id.startswith("notifier.")}

def committed():
    wrong = None
    with contextlib.suppress(KeyError), transaction.atomic():
        send_on_commit(title="rolled back")
        raise KeyError
    with transaction.atomic():
        send_on_commit(alert_type="error", title="paid")
        send_on_commit(NotificationMessage(title="shipped"))
        before = len(sent)
    send_on_commit(title="without one")
    try:
        send_on_commit(titel="wrong")
    except InvalidMessage as error:
        wrong = str(error)
    return [before, wrong, [each["title"] for each in shown()]]

def refused():
    with transaction.atomic():
        send_on_commit(title="refused")
        send_on_commit(title="the next")
    return [each["title"] for each in shown()]

with capturing(take):
    print(json.dumps(TEST))
"""
WEBHOOK = "https://discord.com/api/webhooks/123456789/fake-token_of-django"
MANY = """{
    "failed": get("/orders/17/?page=2&token=fake-secret-1"),
    "again": [get(f"/orders/{number}/") for number in range(5)],
    "gone": get("/upload/"),
    "asynchronous": asyncio.run(AsyncClient(raise_request_exception=False).get("/later/")).status_code,
    "of asynchronous": shown(),
    "logged": [client.post("/log/?token=fake-secret-1").status_code, shown()],
    "kept": [hasattr(each.request, "META") and not hasattr(each, "query") for each in kept],
    "committed": committed(),
    "refused": refused(),
    "checks": [checked(each) for each in GIVEN],
}"""
CHECKS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {"notifier.I001": "No webhook is configured"}),
    ({"DISCORD_WEBHOOK_ERRORS": WEBHOOK}, {"notifier.W001": "DISCORD_WEBHOOK_CRITICAL"}),
    ({"DISCORD_WEBHOOK_ERRORS": WEBHOOK + "!/"}, {"notifier.E001": "DISCORD_WEBHOOK_ERRORS"}),
    ({"DISCORD_RATE_LIMIT": "many"}, {"notifier.E001": "DISCORD_RATE_LIMIT"}),
    ({"DISCORD_RATE_LIMITS": 5}, {"notifier.E002": "DISCORD_RATE_LIMITS", "notifier.I001": "No webhook"}),
    ({"NOTIFIER_BACKEND": "null"}, {"notifier.I001": "No webhook", "notifier.W002": "NOTIFIER_BACKEND"}),
]


def run(folder: Path, test: str, *, early: str = "", environment: dict[str, str] | None = None, **given: Any) -> Any:
    """Run the project; the value of the expression."""
    program = PROJECT.replace("NOTIFIER_SETTINGS", repr(given)).replace("EARLY", early).replace("TEST", test)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder, env=environment or {}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "fake-token" not in done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one process has seen."""
    test = MANY.replace("GIVEN", repr([given for given, _ in CHECKS]))
    found: dict[str, Any] = run(tmp_path_factory.mktemp("django"), test, requests="critical")
    assert "fake-secret-1" not in json.dumps(found)
    return found


def fields_of(alert: dict[str, Any]) -> dict[str, str]:
    """Its fields."""
    return {each["name"]: each["value"] for each in alert["fields"]}


def test_an_unhandled_exception_of_a_request_is_one_alert_though_django_logs_it_too(seen: dict[str, Any]) -> None:
    status, (alert,) = seen["failed"]
    assert status == 500
    assert alert["title"] == "GET /orders/<int:number>/ failed: ValueError: no order __17__"
    assert "title" in alert["plain"]
    assert fields_of(alert) == {"Path": "/orders/17/", "Query": "page=2 token=(masked)", "User": "17"}
    assert "in fail" in alert["traceback"]
    assert (alert["alert_type"], alert["source"]) == ("critical", "shop")


def test_equal_failures_are_one_incident_by_route_and_exception(seen: dict[str, Any]) -> None:
    keys = {alert["dedup_key"] for _, alerts in seen["again"] for alert in alerts}
    assert [len(alerts) for _, alerts in seen["again"]] == [1] * 5
    assert keys == {"request/shop/GET /orders/<int:number>//ValueError"}


def test_a_client_that_goes_is_none_though_django_logs_it(seen: dict[str, Any]) -> None:
    assert seen["gone"] == [500, []]


def test_an_asynchronous_view_as_well(seen: dict[str, Any]) -> None:
    (alert,) = seen["of asynchronous"]
    assert alert["title"] == "GET /later/ failed: KeyError: 'async'"
    assert "in fail_async" in alert["traceback"]


def test_the_handler_tells_of_requests_without_their_secrets(seen: dict[str, Any]) -> None:
    _, (alert,) = seen["logged"]
    assert (alert["title"], alert["alert_type"]) == ("paid twice", "error")
    assert {"request": "POST /log/", "query": "token=(masked)"}.items() <= fields_of(alert).items()


def test_the_next_handler_gets_the_record_as_it_was(seen: dict[str, Any]) -> None:
    assert seen["kept"] == [True]


def test_without_the_hook_the_handler_tells_of_failed_requests(tmp_path: Path) -> None:
    status, (alert,) = run(tmp_path, "get('/orders/17/')", requests=None)
    assert (status, alert["title"]) == (500, "Internal Server Error: /orders/17/")
    assert "in fail" in alert["traceback"]


def test_an_alert_on_commit_is_raised_when_the_transaction_is_committed_and_only_then(seen: dict[str, Any]) -> None:
    before, wrong, titles = seen["committed"]
    assert before == 0
    assert wrong == "titel: not a field of a NotificationMessage; title?"
    assert titles == ["paid", "shipped", "without one"]


def test_an_alert_that_nobody_takes_at_the_commit_stops_nothing_else(seen: dict[str, Any]) -> None:
    assert "the next" in seen["refused"]


def test_the_settings_of_django_are_ours_and_the_environment_wins(tmp_path: Path) -> None:
    test = (
        "(lambda now: [now.rate_limit_per_minute, now.queue_size, sorted(now.direct_fallback), now.markdown,"
        " sorted(now.webhooks)])(__import__('notifier.settings').settings.settings())"
    )
    found = run(
        tmp_path, test, environment={"DISCORD_RATE_LIMIT": "5"},
        DISCORD_RATE_LIMIT=7, DISCORD_QUEUE_SIZE=8, DISCORD_DIRECT_FALLBACK=["critical", "error"],
        DISCORD_MARKDOWN=False, DISCORD_WEBHOOK_ERRORS=WEBHOOK, NOTIFIER_SPOOL_DIR=None,
    )  # fmt: skip
    assert found == [5, 8, ["critical", "error"], False, ["error"]]


def test_the_system_check_names_what_is_wrong(seen: dict[str, Any]) -> None:
    for (_, expected), found in zip(CHECKS, seen["checks"], strict=True):
        assert found.keys() == expected.keys()
        assert all(expected[name] in text for name, text in found.items())


def test_the_system_check_tells_of_settings_that_came_too_late(tmp_path: Path) -> None:
    early = "from notifier.settings import settings as read; read()"
    test = "[each.id for each in checks.run_checks()]"
    assert "notifier.E003" in run(tmp_path, test, early=early, DISCORD_RATE_LIMIT=7)
