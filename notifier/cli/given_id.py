"""An id as somebody gives it: whole, or its beginning."""

from collections.abc import Callable, Sequence


def dead_letter_id(given: str) -> str:
    """The id of the dead letter that is meant. Raises: as ``short_ids.whole_id``."""
    from notifier.operations.short_ids import of_dead_letters

    return _whole(given, of_dead_letters)


def alert_id(given: str) -> str:
    """The id of the alert that is meant. Raises: as ``short_ids.whole_id``."""
    from notifier.operations.short_ids import of_all

    return _whole(given, of_all)


def _whole(given: str, places: Callable[..., Sequence[str]]) -> str:
    from notifier.operations.short_ids import whole_id
    from notifier.pipeline import client_pipeline

    pipeline = client_pipeline()
    return whole_id(pipeline.redis, places(pipeline.redis, pipeline.keys), given)
