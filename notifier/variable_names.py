"""The names of the environment variables that are read, and of those that are not and look as if they should be."""

from collections.abc import Collection

OURS = "NOTIFIER_"
"""What begins so is meant for this program. ``DISCORD_`` may also be of a host's own bot."""
ALIKE = 0.75
"""Ours: how alike a name must be to one that is known to be taken for a slip (of difflib, 0 to 1)."""
ALIKE_OF_A_HOST = 0.85


def nearest(name: str, known: Collection[str], alike: float = ALIKE) -> str | None:
    """The known name that is most like this one; None if none is."""
    from difflib import get_close_matches  # few names are wrong

    return next(iter(get_close_matches(name.upper(), known, n=1, cutoff=alike)), None)


def unknown_variables(names: Collection[str], known: Collection[str]) -> dict[str, str | None]:
    """Those of ``names`` that seem to be meant for this program, each with the known one that may be meant."""
    asked = [each for each in names if each.startswith((OURS, "DISCORD_")) and each not in known]
    found = {each: nearest(each, known, ALIKE if each.startswith(OURS) else ALIKE_OF_A_HOST) for each in sorted(asked)}
    return {each: near for each, near in found.items() if near or each.startswith(OURS)}
