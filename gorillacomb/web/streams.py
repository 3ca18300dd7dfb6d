"""Streams of events: each takes a connection for as long as it likes, so that they are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MOST = 64
MOST_OF_A_SESSION = 4


class Streams:
    """Counts the streams that are open."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def open(self, session: str, stream: AsyncIterator[bytes]) -> StreamingResponse | None:
        """Return the answer that sends a stream to a session; None if too many are open."""
        if self._open.total() >= MOST or self._open[session] >= MOST_OF_A_SESSION:
            return None
        self._open[session] += 1
        return _CountedStream(stream, self, session)

    def closed(self, session: str) -> None:
        """Note that a stream has ended."""
        self._open[session] -= 1
        self._open += Counter()  # drops those without any


class _CountedStream(StreamingResponse):
    media_type = "text/event-stream"

    def __init__(self, stream: AsyncIterator[bytes], streams: Streams, session: str) -> None:
        super().__init__(stream)
        self._streams = streams
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.closed(self._session)
