"""Limits, with a clock that the test controls."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.sandbox.limits import FixedBucket, Limits, LimitSettings, SlidingBucket, Window

T = 1_800_000_000.0


def test_a_sliding_bucket_gives_five_at_once_then_one_slot_every_step() -> None:
    bucket = SlidingBucket(5, 2.0)
    for _ in range(5):
        assert bucket.wait(T) == 0
        bucket.take(T)
    assert bucket.wait(T) == pytest.approx(0.4, abs=1e-6)
    assert bucket.state(T).remaining == 0
    assert bucket.wait(T + 0.4) == 0
    bucket.take(T + 0.4)
    assert bucket.wait(T + 0.4) == pytest.approx(0.4, abs=1e-6)


def test_a_sliding_buckets_headers_move_with_use() -> None:
    bucket = SlidingBucket(5, 2.0)
    bucket.take(T)
    assert (bucket.state(T).remaining, round(bucket.state(T).reset_after, 3)) == (4, 0.4)
    bucket.take(T + 0.1)
    assert (bucket.state(T + 0.1).remaining, round(bucket.state(T + 0.1).reset_after, 3)) == (3, 0.7)
    assert bucket.state(T + 5).remaining == 5


def test_a_fixed_bucket_gives_all_slots_back_at_once() -> None:
    bucket = FixedBucket(5, 2.0)
    for step in range(5):
        bucket.take(T + step / 10)
    assert bucket.wait(T + 0.5) == pytest.approx(1.5, abs=1e-6)
    assert bucket.state(T + 0.5).reset_after == pytest.approx(1.5, abs=1e-6)
    assert bucket.wait(T + 2) == 0
    assert bucket.state(T + 2).remaining == 5


@settings(deadline=None)
@pytest.mark.parametrize("kind", [SlidingBucket, FixedBucket])
@given(gaps=st.lists(st.floats(0, 1), min_size=1, max_size=60), window=st.sampled_from([1.0, 2.0, 5.0]))
def test_a_client_that_waits_as_told_is_let_in_and_not_before(
    kind: type[SlidingBucket | FixedBucket], gaps: list[float], window: float
) -> None:
    bucket, now = kind(5, window), T
    for gap in gaps:
        now += gap
        if wait := bucket.wait(now):
            assert 0 < wait <= window
            if wait > 0.01:
                assert bucket.wait(now + wait - 0.005) > 0
            now += wait
            assert bucket.wait(now) == 0
        bucket.take(now)
        assert 0 <= bucket.state(now).remaining <= 4


def test_the_channel_window_takes_thirty_in_any_sixty_seconds() -> None:
    window = Window(30, 60.0)
    for second in range(30):
        assert window.wait(T + second) == 0
        window.take(T + second)
    assert window.wait(T + 30) == pytest.approx(30)
    assert window.wait(T + 60) == 0


def test_two_webhooks_of_one_channel_share_its_window_and_a_refusal_leaves_the_bucket_alone() -> None:
    limits = Limits(LimitSettings(bucket_limit=100, channel_limit=4))
    hits = [limits.hit_webhook("write", webhook, "channel", T) for webhook in ("1", "2", "1", "2", "1")]
    assert [hit.scope if hit else None for hit in hits] == [None, None, None, None, "shared"]
    assert limits.bucket_state("write", "1", T).remaining == 98
    assert limits.hit_webhook("write", "1", "other channel", T) is None


def test_the_global_limit_counts_each_address_by_itself() -> None:
    limits = Limits()
    assert sum(limits.hit_global("10.0.0.1", T) is None for _ in range(60)) == 50
    assert limits.hit_global("10.0.0.2", T) is None
    assert limits.hit_global("10.0.0.1", T + 1) is None


def test_addresses_do_not_pile_up() -> None:
    limits = Limits()
    for number in range(5_000):
        limits.hit_global(str(number), T)
    assert len(limits._addresses) == 1_000


def test_the_invalid_count_trips_at_its_limit_within_its_window_only() -> None:
    limits = Limits(LimitSettings(invalid_limit=3, invalid_window_seconds=600))
    assert [limits.count_invalid("a", T + second) for second in (0, 1, 2)] == [False, False, True]
    assert [limits.count_invalid("b", T + second) for second in (0, 400, 800, 1200)] == [False] * 4


def test_the_numbers_in_force_at_the_start_are_discords() -> None:
    limits = Limits()
    passed = [limits.hit_webhook("write", str(number // 5), "channel", T) is None for number in range(40)]
    assert passed == [True] * 30 + [False] * 10
    settings = limits.settings
    assert (settings.bucket_limit, settings.bucket_window_seconds, settings.bucket_mode) == (5, 2, "sliding")
    assert (settings.channel_window_seconds, settings.global_limit) == (60, 50)
    assert (settings.invalid_limit, settings.invalid_window_seconds) == (10_000, 600)
