"""Requests to other nodes: bounded in time and bytes, no redirects, no cookies."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gorillacomb.errors import GorillaCombError, UntrustedInput

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

MOST_BYTES = 64 << 10
"""Of an answer."""
SECONDS = 5.0
"""For a whole answer."""


class NodeUnreachable(GorillaCombError):
    """A node did not answer, or not in time, or with too much."""


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """What a node answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    tls_expires_at: int | None
    """When its TLS certificate expires, s since 1970; None without TLS."""

    def text(self) -> str:
        """Return what it says, for a message: one line, 200 characters at most."""
        line = self.body.decode("utf-8", "replace").split("\n")[0]
        return "".join(each if each.isprintable() else "?" for each in line)[:200]


class NodeClient:
    """Speaks to one node."""

    def __init__(self, ca: str | None = None, seconds: float = SECONDS) -> None:
        """Trust the certificates ``ca``, in PEM, or None for the system's.

        Raises UntrustedInput for text that is not a certificate.
        """
        import urllib3

        try:
            if ca is not None and not ca.strip():
                raise ValueError("no certificates: the library would take the system's")
            context = ssl.create_default_context(cadata=ca)
        except (ssl.SSLError, ValueError):
            raise UntrustedInput("The certificates of a node are not PEM.") from None
        self._seconds = seconds
        self._watch = _Watch()
        self._pool: PoolManager = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(total=seconds), ssl_context=context
        )
        self._pool.pool_classes_by_scheme = _watched_pools(self._watch)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.clear()
        self._watch.close()

    def get(self, url: str) -> NodeAnswer:
        """Ask for a URL. Raises NodeUnreachable."""
        return self._send("GET", url, None)

    def post(self, url: str, body: bytes) -> NodeAnswer:
        """Send a body of bytes. Raises NodeUnreachable."""
        return self._send("POST", url, body)

    def _send(self, method: str, url: str, body: bytes | None) -> NodeAnswer:
        import urllib3

        timer = self._watch.start(self._seconds)
        kind = {} if body is None else {"Content-Type": "text/plain; charset=utf-8"}
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers={"User-Agent": "gorillacomb", "Accept-Encoding": "identity", **kind},
                redirect=False,
                preload_content=False,
            )
            try:
                expires = _tls_expiry(response)
                data = _read(response)
            finally:
                response.close()
            self._watch.refuse_late()  # what was cut off may look whole
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            cause = "it took too long" if self._watch.is_over else _cause(error)
            raise NodeUnreachable(f"{url} did not answer: {cause}.") from error
        finally:
            timer.cancel()
        return NodeAnswer(response.status, response.headers, data, expires)


class _Watch:
    """Ends the connections of a client whose time is over, however slowly something comes."""

    def __init__(self) -> None:
        self.is_over = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()

    def start(self, seconds: float) -> threading.Timer:
        """Begin a request that ends in so many seconds; the caller cancels the timer."""
        self.is_over = False
        timer = threading.Timer(seconds, self._end)
        timer.daemon = True
        timer.start()
        return timer

    def add(self, connected: socket.socket) -> None:
        """Watch a connection. Raises TimeoutError if it came too late."""
        with self._lock:
            self._sockets.append(connected.dup())  # TLS takes the descriptor of the other one
        self.refuse_late()

    def refuse_late(self) -> None:
        """Raise TimeoutError if the time is over."""
        if self.is_over:
            raise TimeoutError

    def close(self) -> None:
        """Stop watching."""
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


def _watched_pools(watch: _Watch) -> dict[str, type]:
    """Return the kinds of connections that are watched, by the scheme of URLs."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
    from urllib3.connection import HTTPConnection, HTTPSConnection

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            found = super()._new_conn()
            watch.add(found)
            return found

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            found = super()._new_conn()
            watch.add(found)
            return found

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


def _read(response: BaseHTTPResponse) -> bytes:
    """Read an answer as it was sent. Raises OSError if it is too long, or compressed."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise OSError("its answer is compressed")
    data = b""
    while chunk := response.read1(MOST_BYTES + 1 - len(data), decode_content=False):
        data += chunk
        if len(data) > MOST_BYTES:
            raise OSError(f"its answer is over {MOST_BYTES >> 10} KiB long")
    return data


def _tls_expiry(response: BaseHTTPResponse) -> int | None:
    connection = getattr(response, "connection", None)
    found = getattr(connection, "sock", None)
    if not isinstance(found, ssl.SSLSocket):
        return None
    certificate = found.getpeercert()
    end = str((certificate or {}).get("notAfter", ""))
    return int(ssl.cert_time_to_seconds(end)) if end else None


def _cause(error: BaseException) -> str:
    """Return the innermost reason, in one line."""
    import urllib3

    is_refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError) and not is_refused:
        return "it took too long"
    inner = error
    while isinstance(inner.__cause__ or inner.__context__, OSError):
        inner = inner.__cause__ or inner.__context__  # type: ignore[assignment]
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return text.split("\n")[0].rstrip(".")[:200] or type(inner).__name__
