"""Where Flower cannot listen, it says so in one line."""

from typing import Any


def end_if_taken(flower: Any) -> None:
    """Let it end so. ``flower``: Flower's application class."""
    begin = flower.start_http_server

    def start_http_server(self: Any) -> Any:
        try:
            return begin(self)
        except OSError as error:
            options = self.options
            place = options.unix_socket or f"{options.address or '*'}:{options.port}"
            raise SystemExit(f"cannot listen on {place}: {error.strerror or error}; see --address and --port") from None

    flower.start_http_server = start_http_server
