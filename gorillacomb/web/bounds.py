"""HTTP connections that may not take forever: uvicorn itself bounds nothing of them."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gorillacomb.web.security.guard import DROP_PATH, FILE_PATH

HEADER_SECONDS = 10.0
"""From the first byte of a request, or from the connection, to the end of its headers."""
BODY_SECONDS = 30.0
"""Without a byte of a body that was announced."""
WHOLE_BODY_SECONDS = 120.0
"""From the end of the headers to that of the body."""
FILES_SECONDS = 6 * 3600.0
"""The same for a body that is files."""
ANSWER_SECONDS = 30.0
"""Without a byte of an answer being taken."""
REFUSED_SECONDS = 1.0
"""In which what follows a request that is not HTTP is read and dropped."""
MOST_HEADER_BYTES = 32 << 10
MOST_CONNECTIONS = 256
"""Beyond that, a request is answered with 503."""
_MOST_OPEN = 2 * MOST_CONNECTIONS
"""Beyond that, a connection is closed at once: each takes a descriptor, which jobs need too."""
MOST_AT_ONCE = 8
"""Requests that read the index at the same time: each has a connection and caches of its own."""


class BoundedProtocol(H11Protocol):
    """Closes connections whose request does not come, or whose answer is not taken."""

    header_seconds = HEADER_SECONDS
    body_seconds = BODY_SECONDS
    whole_body_seconds = WHOLE_BODY_SECONDS
    answer_seconds = ANSWER_SECONDS
    files_seconds = FILES_SECONDS
    _timer: asyncio.TimerHandle | None = None
    _body_end: float | None = None
    _answer_timer: asyncio.TimerHandle | None = None
    _is_refused = False
    """Whether what comes is not read as a request any more."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _MOST_OPEN:
            transport.abort()
            return
        transport.set_write_buffer_limits(high=1, low=0)  # so that all that is not sent is noticed
        self._wait(self.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._stop_watching_answer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        begins = self.conn.their_state is h11.IDLE and self._timer is None
        super().data_received(data)
        state = self.conn.their_state
        if state is h11.SEND_BODY:
            now = self.loop.time()
            self._body_end = self._body_end or now + self._most_seconds()
            self._wait(min(self.body_seconds, self._body_end - now))
            return
        self._body_end = None
        if state is not h11.IDLE:
            self._stop_waiting()
        elif begins:
            self._wait(self.header_seconds)

    def send_400_response(self, msg: str) -> None:
        """Say that it is not HTTP, and read on for a moment before closing.

        Closed with bytes that were not read, the connection would be reset, and the client might
        never see the answer (RFC 9112, section 9.6).
        """
        self._is_refused = True
        self._stop_waiting()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=msg.encode("ascii", "replace")),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(REFUSED_SECONDS, self.transport.close)

    def _most_seconds(self) -> float:
        path = "" if self.scope is None else self.scope["path"]
        is_files = path == DROP_PATH or FILE_PATH.fullmatch(path) is not None
        return self.files_seconds if is_files else self.whole_body_seconds

    def on_response_complete(self) -> None:
        self._stop_waiting()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        self._stop_watching_answer()
        super().resume_writing()

    def _watch_answer(self) -> None:
        self._stop_watching_answer()
        left = self.transport.get_write_buffer_size()
        self._answer_timer = self.loop.call_later(self.answer_seconds, self._look_at_answer, left)

    def _look_at_answer(self, left: int) -> None:
        """Give up if nothing was taken since ``left`` bytes were; closing would wait for it."""
        if self.transport.get_write_buffer_size() >= left:
            self.transport.abort()
        else:
            self._watch_answer()

    def _stop_watching_answer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

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
        "log_level": "error",  # anyone could fill a journal with warnings of bad requests
        "access_log": False,
        "timeout_graceful_shutdown": 3,
        **more,
    }
