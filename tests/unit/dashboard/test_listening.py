"""Flower says in one line that it cannot listen."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest
from flower.app import Flower

from notifier.dashboard.listening import end_if_taken


def test_a_port_that_is_taken_is_one_line() -> None:
    class Own(Flower):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            self.options = SimpleNamespace(unix_socket="", **options)

    end_if_taken(Own)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            Own(address="127.0.0.1", port=port).start_http_server()
    assert ended.value.code == f"cannot listen on 127.0.0.1:{port}: Address already in use; see --address and --port"
