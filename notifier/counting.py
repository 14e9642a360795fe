"""Counts in words: ``1 alert``, ``2 alerts``."""


def counted(count: int, one: str, many: str = "") -> str:
    """The count and what is counted; ``many``: its plural, if that is not ``one`` with an s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
