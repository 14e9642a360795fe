"""``notifier sandbox``: the command is defined in the sandbox, which imports nothing of the rest."""

from notifier.sandbox.command import sandbox

__all__ = ["sandbox"]
