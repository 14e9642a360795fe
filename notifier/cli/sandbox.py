"""``notifier sandbox``: the command lives with the sandbox, which knows nothing of the rest."""

from notifier.sandbox.command import sandbox

__all__ = ["sandbox"]
