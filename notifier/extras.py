"""The optional parts of an installation (extras): the modules each brings, and what to say if one is missing."""

from importlib.util import find_spec

DISTRIBUTION = "celery-discord-notifier"
"""The name to install by. On the public index, ``notifier`` is another program."""
MODULES = {
    "templates": ("jinja2",),
    "flower": ("flower",),
    "intake": ("tornado",),
    "metrics": ("prometheus_client",),
    "web": ("prometheus_client", "tornado"),
    "demo": ("jinja2", "rich", "tornado"),
}
"""Import names by extra; a test compares them with ``pyproject.toml``."""


def missing(*extras: str) -> list[str]:
    """Those of ``extras`` of which a module cannot be found. Imports none of them."""
    return [extra for extra in extras if any(find_spec(module) is None for module in MODULES[extra])]


def install_hint(what: str, *extras: str) -> str:
    """One sentence for a user who lacks ``extras``: their names, and the command that installs them."""
    noun = "extra" if len(extras) == 1 else "extras"
    names = " and ".join(f"[{extra}]" for extra in extras)
    return f"{what} needs the {noun} {names}: pip install '{DISTRIBUTION}[{','.join(extras)}]'"
