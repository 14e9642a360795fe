"""Failures that are this machine's own fault: its settings, its proxy, its certificates, its network."""

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterator

from requests import exceptions as broken
from urllib3.exceptions import LocationValueError, NameResolutionError, NewConnectionError, ProxySchemeUnknown

from notifier.outcome import Reason

PROXY_VARIABLES = "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY"
NO_SOCKS = f"a proxy variable ({PROXY_VARIABLES}) names a SOCKS proxy, which needs PySocks: pip install pysocks"
MALFORMED = f"a URL is malformed: that of a proxy ({PROXY_VARIABLES}), or DISCORD_API_URL"
NO_CA_FILE = "the file of CA certificates cannot be read: see REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"
UNTRUSTED = (
    "Discord's certificate is not trusted here: if a proxy opens TLS, REQUESTS_CA_BUNDLE has to name a file with its "
    "certificate; does the clock of this machine go right?"
)
NO_PROXY = f"the proxy does not answer: is it right, and does it run ({PROXY_VARIABLES})?"
CREDENTIALS = f"the proxy wants credentials (HTTP 407): as http://user:password@host:port in {PROXY_VARIABLES}"
PROXY_REFUSES = "the proxy does not let this machine connect to Discord (HTTP {status})"
NO_NAME = "the name of Discord's host cannot be resolved: does DNS work on this machine?"
NO_ROUTE = "no connection can be made from this machine: {why}"

OF_THE_NETWORK = frozenset(
    {
        *(errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT),
        *(errno.EACCES, errno.EPERM),  # a firewall of this machine
        *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),
    }
)
"""Of a connection that was never made. A refusal and a timeout are not among these: they may be Discord's."""
TUNNEL_STATUS = re.compile(r"Tunnel connection failed: ([0-9]{3})")
"""How http.client says what a proxy answered to CONNECT."""


def machine_fault(error: BaseException) -> tuple[Reason, str] | None:
    """Why this machine is at fault, with what to repair; None if it is not. Shows nothing of the addresses."""
    chain = list(_causes(error))
    texts = " ".join(map(str, chain))
    if "SOCKS support" in texts:
        return Reason.MACHINE_MISCONFIGURED, NO_SOCKS
    if any(isinstance(each, broken.ProxyError) or "SOCKS" in _connection(each) for each in chain):
        return _of_the_proxy(texts)
    if any(isinstance(each, OF_SETTINGS) for each in chain):
        return Reason.MACHINE_MISCONFIGURED, MALFORMED
    if any(isinstance(each, ssl.SSLCertVerificationError) for each in chain):
        return Reason.CERTIFICATE_NOT_TRUSTED, UNTRUSTED
    if _is_of_a_file(error, chain):
        return Reason.MACHINE_MISCONFIGURED, NO_CA_FILE
    return _of_the_network(chain)


OF_SETTINGS = (
    *(broken.InvalidProxyURL, broken.InvalidURL, broken.InvalidSchema, broken.MissingSchema, broken.URLRequired),
    *(LocationValueError, ProxySchemeUnknown),
)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, as requests and urllib3 nest them: in arguments, in ``reason``, as causes."""
    found: list[BaseException] = [error]
    for each in found:
        yield each
        inner = (*each.args, getattr(each, "reason", None), each.__cause__, each.__context__)
        found += [one for one in inner if isinstance(one, BaseException) and one not in found]


def _connection(error: BaseException) -> str:
    # urllib3's connection through a SOCKS proxy; its module cannot be imported without PySocks
    return type(getattr(error, "conn", None)).__name__


def _of_the_proxy(texts: str) -> tuple[Reason, str] | None:
    answered = TUNNEL_STATUS.search(texts)
    if answered is None:
        return Reason.PROXY_FAILED, NO_PROXY
    if answered[1] == "407":
        return Reason.PROXY_FAILED, CREDENTIALS
    if answered[1].startswith("5"):
        return None  # it could not reach Discord
    return Reason.PROXY_FAILED, PROXY_REFUSES.format(status=answered[1])


def _is_of_a_file(error: BaseException, chain: list[BaseException]) -> bool:
    """Whether certificates could not be loaded: requests raises that bare, ssl by its reason or the file's error."""
    bare = isinstance(error, OSError) and not isinstance(error, broken.RequestException)
    loading = any(isinstance(each, ssl.SSLError) and each.reason in NO_CERTIFICATES for each in chain)
    within_tls = isinstance(error, broken.SSLError)
    unreadable = any(isinstance(each, FileNotFoundError | PermissionError) for each in chain)
    return bare or loading or (within_tls and unreadable)


NO_CERTIFICATES = ("NO_CERTIFICATE_OR_CRL_FOUND", "NO_START_LINE", "BAD_BASE64_DECODE", "PEM_LIB")
"""OpenSSL's reasons for a file that holds no certificates."""


def _of_the_network(chain: list[BaseException]) -> tuple[Reason, str] | None:
    if any(isinstance(each, NameResolutionError | socket.gaierror) for each in chain):
        return Reason.NO_NETWORK, NO_NAME
    if not any(isinstance(each, NewConnectionError) for each in chain):
        return None
    # the numbers of ssl.SSLError are OpenSSL's
    errors = [each for each in chain if isinstance(each, OSError) and not isinstance(each, ssl.SSLError)]
    numbers = [each.errno for each in errors if each.errno in OF_THE_NETWORK]
    return (Reason.NO_NETWORK, NO_ROUTE.format(why=os.strerror(numbers[0]))) if numbers else None
