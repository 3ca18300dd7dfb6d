"""HTTP connections that may not take forever: uvicorn itself bounds neither headers nor bodies."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0
"""From the first byte of a request, or from the connection, to the end of its headers."""
BODY_SECONDS = 30.0
"""Without a byte of a body that was announced."""
MOST_HEADER_BYTES = 32 << 10
MOST_CONNECTIONS = 256
MOST_AT_ONCE = 8
"""Requests that read the index at the same time: each has a connection and caches of its own."""


class BoundedProtocol(H11Protocol):
    """Closes connections whose request does not come."""

    header_seconds = HEADER_SECONDS
    body_seconds = BODY_SECONDS
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        begins = self.conn.their_state is h11.IDLE and self._timer is None
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            self._wait(self.body_seconds)
        elif state is not h11.IDLE:
            self._stop_waiting()
        elif begins:
            self._wait(self.header_seconds)

    def on_response_complete(self) -> None:
        self._stop_waiting()
        super().on_response_complete()

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.abort()


def config_of(app: Any, **more: Any) -> dict[str, Any]:
    """Return the settings of uvicorn that bound what a client may take."""
    return {
        "app": app,
        "http": BoundedProtocol,
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "off",
        "h11_max_incomplete_event_size": MOST_HEADER_BYTES,
        "limit_concurrency": MOST_CONNECTIONS,
        "proxy_headers": False,
        "server_header": False,
        "log_config": None,
        "access_log": False,
        "timeout_graceful_shutdown": 3,
        **more,
    }
