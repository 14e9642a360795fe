"""kombu's Redis transport for a caller."""

from typing import Any

from kombu.utils.json import dumps

from notifier.storage.redis_transports import OneClient, with_channel


class Writer(OneClient):
    """Writes down what is sent instead, if it is asked to. A base of channels."""

    written: list[tuple[str, str]] | None = None
    """While it is a list, messages go there and not into their queues: the key of the queue, and the text."""

    def _create_client(self: Any, asynchronous: bool = False) -> Any:
        client = super()._create_client(asynchronous)
        if asynchronous:
            client.ping = _not_asked  # kombu would ask as it makes a channel, and connect although nothing is sent
        return client

    def _put(self: Any, queue: str, message: Any, **options: Any) -> None:
        if self.written is None:
            super()._put(queue, message, **options)  # type: ignore[misc]
            return
        priority = self._get_message_priority(message, reverse=False)
        self.written.append((self.global_keyprefix + self._q_for_pri(queue, priority), dumps(message)))


def _not_asked() -> bool:
    return True


OURS = with_channel(Writer)
