"""Flower's options: what we give in place of its defaults, and its login."""

import logging
from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

from notifier.environment import environment, plain
from notifier.errors import ConfigurationError
from notifier.settings import Settings

logger = logging.getLogger(__name__)

COLUMNS = "name,kwargs,state,result,received,worker,uuid,exception"
PASSWORD_FILE = "NOTIFIER_WEB_PASSWORD_FILE"
DEFAULTS: Mapping[str, object] = MappingProxyType({"tasks_columns": COLUMNS, "natural_time": True})
"""Ours, unless FLOWER_… or an argument says something else."""


def fill(options: Any, settings: Settings) -> None:
    """Fill in what nobody has chosen, once Flower has read its arguments and variables.

    Without a login it listens on this machine alone, unless an address is given.

    Args:
        options: Flower's (``tornado.options``).

    Raises:
        ConfigurationError: Flower cannot check this password; the file that should hold one does not.
    """
    for name, value in DEFAULTS.items():
        if not _is_given(options, name):
            setattr(options, name, value)
    _log_in(options, settings)
    if has_login(options) or options.unix_socket:
        return
    if not options.address:
        options.address = "localhost"
    elif not _is_of_this_machine(options.address):
        logger.warning(
            "Flower at %s has no login: whoever reaches it reads all titles, and controls the workers."
            " NOTIFIER_WEB_PASSWORD gives it one",
            options.address,
        )


def has_login(options: Any) -> bool:
    """Whether Flower asks who somebody is."""
    return bool(options.auth or options.basic_auth)


def _log_in(options: Any, settings: Settings) -> None:
    """Flower's own login if it has one, else that of the operator's page."""
    # an empty variable is no login that an empty password opens
    options.basic_auth = [each for each in options.basic_auth or [] if each.strip()]
    if has_login(options):
        return
    if settings.web_password is None:
        if plain(environment().get(PASSWORD_FILE, "")):  # whoever names it wants a login
            unreadable = (each for each in settings.unreadable_secrets if each.startswith(PASSWORD_FILE))
            raise ConfigurationError(next(unreadable, f"{PASSWORD_FILE}: it holds no password"))
        return
    login = f"{settings.web_user}:{settings.web_password.get_secret_value()}"
    if not login.isascii():
        raise ConfigurationError("NOTIFIER_WEB_PASSWORD: Flower can check ASCII alone; or set FLOWER_BASIC_AUTH")
    options.basic_auth = [login]


def _is_given(options: Any, name: str) -> bool:
    option = options._options[options._normalize_name(name)]  # there is no other way to know
    return option._value is not option.UNSET


def _is_of_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
