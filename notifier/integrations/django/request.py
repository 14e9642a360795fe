"""A request of Django's."""

from typing import Any

from notifier.integrations.failed_request import FailedRequest


def request_of(request: Any) -> FailedRequest:
    """What an alert says of a request of Django's. Asks no database: it may be what fails."""
    match = getattr(request, "resolver_match", None)
    user: Any = getattr(request, "_cached_user", None)  # whoever the host has looked up already
    return FailedRequest(
        what=str(getattr(request, "method", None) or "Request"),
        route=f"/{match.route}" if match else "",
        path=str(getattr(request, "path", "")),
        query=str(getattr(request, "META", {}).get("QUERY_STRING", "")),
        user=str(user.pk) if getattr(user, "is_authenticated", False) else "",
    )
