"""What Prometheus reads is true of a real Redis, can be parsed, and has a bound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from notifier.gate.counters import field
from notifier.models import AlertType
from notifier.operations import metrics as metrics_module
from notifier.operations.metrics import METRICS, exposition, metrics, metrics_as_json
from notifier.outbox.terms import Terms
from notifier.outcome import Reason, Rejected, Status
from notifier.producer.spool import Spool
from notifier.storage.connection import connect
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench
from tests.names import names
from tests.no_secrets import assert_no_secrets
from tests.servers import free_port

Samples = dict[tuple[str, tuple[str, ...]], float]


def text_of(bench: Bench, folder: Path | None = None) -> str:
    """What is exposed of a bench, with the spool in this folder."""
    spool = Spool(folder, 10, bytes_max=10_000) if folder else None
    own = bench.settings.model_copy(update={"spool_dir": folder})
    return exposition(metrics(bench.redis, names, bench.gate, own, spool))


def samples(text: str) -> Samples:
    """Values by name and the values of labels, in the order of the labels' names."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def used(make_bench: MakeBench) -> Bench:
    """Two alerts are delivered, one has failed, and one waits."""
    webhooks = {AlertType.GENERAL: WEBHOOK, AlertType.ERROR: OTHER_WEBHOOK}
    bench = make_bench(webhooks=webhooks, queue_size=50)
    bench.admit("first")
    bench.open_gate()
    bench.admit("second")
    bench.commit(bench.batch())
    bench.tick(10)
    bench.admit("bad")
    bench.commit(bench.batch(), Rejected(Reason.UNKNOWN_CHANNEL))
    bench.admit("waits", message="x" * 1_000)
    bench.admit("later", terms=Terms(after_seconds=3_600))
    bench.admit("opened", alert_type=AlertType.ERROR, dedup_key="disk")
    return bench


def test_what_happened_is_told(used: Bench, tmp_path: Path) -> None:
    found = samples(text_of(used, tmp_path))
    assert {key: found[key] for key in EXPECTED} == EXPECTED
    assert 1_000 < found["notifier_outbox_bytes", ("general",)] < 2_000
    assert found["notifier_webhook_requests_left", ("general", WEBHOOK.id)] <= 30
    assert found["notifier_delivery_seconds_bucket", ("general", "+Inf")] == 2


EXPECTED: Samples = {
    ("notifier_alerts_delivered_total", ("general",)): 2,
    ("notifier_alerts_delivered_total", ("security",)): 0,
    ("notifier_alerts_failed_total", ("general", "unknown_channel")): 1,
    ("notifier_alerts_failed_total", ("general", "expired")): 0,
    ("notifier_requests_total", ("general", "POST", "200")): 3,
    ("notifier_requests_total", ("", "GET", "200")): 1,
    ("notifier_request_alerts_count", ("general",)): 3,
    ("notifier_request_alerts_sum", ("general",)): 3,
    ("notifier_outbox_alerts", ("general",)): 2,
    ("notifier_outbox_alerts", ("error",)): 1,
    ("notifier_outbox_capacity_alerts", ("general",)): 50,
    ("notifier_dead_letters", ("general",)): 1,
    ("notifier_incidents_open", ("error",)): 1,
    ("notifier_webhook_breaker", ("general", "closed", WEBHOOK.id)): 1,
    ("notifier_webhook_breaker", ("general", "open", WEBHOOK.id)): 0,
    ("notifier_webhook_quarantined", ("error", OTHER_WEBHOOK.id)): 0,
    ("notifier_edge_banned", ()): 0,
    ("notifier_workers", ("general",)): 0,
    ("notifier_spool_alerts", ()): 0,
    ("notifier_redis_up", ()): 1,
}


def test_it_tells_each_metric_that_it_documents_with_its_labels_and_no_other(used: Bench, tmp_path: Path) -> None:
    # something of each counter that has no value yet
    for each in (
        ("absorbed", "error", "folded"),
        ("retried", "error", "bad_gateway"),
        ("deferred", "error", "rate_limited"),
    ):
        used.redis.hincrby(names.counters, field(*each), 1)
    text = text_of(used, tmp_path)
    families = list(text_string_to_metric_families(text))
    told = {each.name: (each.type, each.documentation) for each in families}
    assert told == {each.name: (each.kind, each.help) for each in METRICS}
    labels = {each.name: set(each.labels) for each in METRICS}
    for family in families:
        assert family.samples, family.name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == labels[family.name]
    assert_no_secrets(texts={"metrics": text})


def test_buckets_of_a_histogram_add_up(used: Bench) -> None:
    for family in text_string_to_metric_families(text_of(used)):
        if family.type != "histogram":
            continue
        for kind in AlertType:
            own = [each for each in family.samples if each.labels["alert_type"] == kind]
            buckets = [each.value for each in own if each.name.endswith("_bucket")]
            assert buckets == sorted(buckets)
            (count,) = (each.value for each in own if each.name.endswith("_count"))
            assert buckets[-1] == count


def test_an_alert_that_waits_grows_older_and_one_that_is_not_due_does_not(
    used: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifier.operations import current as current_module

    def overview(*parts: Any) -> dict[str, Any]:
        found = current_module_overview(*parts)
        return {**found, "types": [{**each, "oldest_at": OLD} for each in found["types"]]}

    current_module_overview: Callable[..., dict[str, Any]] = current_module.overview
    OLD = "2020-01-01T00:00:00+00:00"  # noqa: N806
    monkeypatch.setattr(current_module, "overview", overview)
    assert samples(text_of(used))["notifier_outbox_oldest_seconds", ("general",)] > 86_400


def test_labels_are_words_that_there_are(used: Bench) -> None:
    known = {
        "alert_type": {"", *AlertType},
        "reason": set(Reason),
        "status": {"200", *Status},
        "method": {"GET", "POST", "PATCH", "DELETE"},
        "state": {"closed", "open", "half_open"},
        "webhook_id": {WEBHOOK.id, OTHER_WEBHOOK.id},
    }
    for family in text_string_to_metric_families(text_of(used)):
        for sample in family.samples:
            for name, value in sample.labels.items():
                assert name in ("le", "version") or value in known[name]


def test_counters_never_fall_and_outlive_the_process_that_tells_them(used: Bench, make_bench: MakeBench) -> None:
    before = samples(text_of(used))
    another = make_bench(webhooks=used.settings.webhooks)
    another.tick(10)
    another.commit(another.batch())
    after = samples(text_of(another))
    fallen = {
        key for key, value in before.items() if key[0].endswith(("_total", "_count", "_bucket")) and after[key] < value
    }
    assert fallen == set()
    assert after["notifier_alerts_delivered_total", ("general",)] == 3


def test_without_redis_it_says_so_and_what_is_known_without(bench: Bench, tmp_path: Path) -> None:
    away = connect(f"redis://127.0.0.1:{free_port()}/0", 0.2)
    bench.redis, bench.gate = away, type(bench.gate)(away, bench.settings)
    found = samples(text_of(bench, tmp_path))
    version = next(labels for name, labels in found if name == "notifier_build_info")
    assert found == {
        ("notifier_redis_up", ()): 0,
        ("notifier_spool_alerts", ()): 0,
        ("notifier_spool_bytes", ()): 0,
        ("notifier_build_info", version): 1,
    }


def test_the_json_says_the_same(used: Bench) -> None:
    found = metrics(used.redis, names, used.gate, used.settings, None)
    told = {
        (sample["name"], tuple(value for _, value in sorted(sample["labels"].items()))): sample["value"]
        for each in metrics_as_json(found)
        for sample in each["samples"]
    }
    assert told == samples(exposition(found))


def test_the_reasons_of_failures_have_their_zero(used: Bench) -> None:
    found = samples(text_of(used))
    for reason in metrics_module.ENDS:
        assert ("notifier_alerts_failed_total", ("critical", reason.value)) in found
