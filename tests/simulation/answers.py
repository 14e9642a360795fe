"""What Discord, or something in its place, may answer instead of taking a message."""

from collections.abc import Callable, Mapping

from notifier.outcome import Answer, Deferred, Failed, Reason, Rejected, Scope, Unknown

NEVER_ARRIVES: Mapping[str, Answer] = {
    "request_lost": Answer(Unknown(Reason.READ_TIMEOUT)),
    "hangs_unposted": Answer(Unknown(Reason.READ_TIMEOUT)),
    "connect_failed": Answer(Failed(Reason.CONNECTION_FAILED)),
    "no_network": Answer(Deferred(0, Reason.NO_NETWORK, Scope.MACHINE)),
    "redirected": Answer(Failed(Reason.REDIRECTED), None, 302),
    "no_message": Answer(Unknown(Reason.UNEXPECTED_ANSWER), None, 200),
}
"""Nothing of these reaches Discord."""
NOT_TAKEN: Mapping[str, Callable[[float], Answer]] = {
    "bad_gateway": lambda _: Answer(Failed(Reason.BAD_GATEWAY), None, 502),
    "unavailable": lambda _: Answer(Failed(Reason.BAD_GATEWAY), None, 503),
    "server_error": lambda _: Answer(Unknown(Reason.SERVER_ERROR), None, 500),
    "global": lambda wait: Answer(Deferred(wait, Reason.GLOBAL_RATE_LIMITED, Scope.GLOBAL), None, 429),
    "banned": lambda wait: Answer(Deferred(wait, Reason.EDGE_BANNED, Scope.EDGE), None, 429),
    "refused_unnamed": lambda _: Answer(Rejected(Reason.INVALID_PAYLOAD, "nothing named"), None, 400),
    "forbidden": lambda _: Answer(Rejected(Reason.FORBIDDEN, "50013"), None, 403),
    "gone": lambda _: Answer(Rejected(Reason.WEBHOOK_UNKNOWN, "10015"), None, 404),
}
"""Discord gets the request, and posts nothing. Given seconds: for how long it asks to wait."""
LOSES_ITS_ANSWER: Mapping[str, Answer] = {
    "answer_lost": Answer(Unknown(Reason.CONNECTION_LOST)),
    "hangs": Answer(Unknown(Reason.READ_TIMEOUT)),
    "no_message_posted": Answer(Unknown(Reason.UNEXPECTED_ANSWER), None, 200),
}
"""Discord posts the message, and its answer never comes."""
HANGS = ("hangs", "hangs_unposted")
HANG_SECONDS = 32.0
OTHERS = ("limited", "slow", "twice")
"""A 429 of the webhook, for others have used it; an answer that takes long; a request that arrives two times."""
ANSWERS = (*NEVER_ARRIVES, *NOT_TAKEN, *LOSES_ITS_ANSWER, *OTHERS)
