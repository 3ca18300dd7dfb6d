"""Requests to other nodes: bounded in time and bytes, no redirects, no cookies."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
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
            context = ssl.create_default_context(cadata=ca)
        except (ssl.SSLError, ValueError):
            raise UntrustedInput("The certificates of a node are not PEM.") from None
        self._seconds = seconds
        self._pool: PoolManager = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(total=seconds), ssl_context=context
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.clear()

    def get(self, url: str) -> NodeAnswer:
        """Ask for a URL. Raises NodeUnreachable."""
        return self._send("GET", url, None)

    def post(self, url: str, body: bytes) -> NodeAnswer:
        """Send a body of bytes. Raises NodeUnreachable."""
        return self._send("POST", url, body)

    def _send(self, method: str, url: str, body: bytes | None) -> NodeAnswer:
        import urllib3

        ends = time.monotonic() + self._seconds
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
                data = _read(response, ends)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise NodeUnreachable(f"{url} did not answer: {_cause(error)}.") from error
        return NodeAnswer(response.status, response.headers, data, expires)


def _read(response: BaseHTTPResponse, ends: float) -> bytes:
    """Read an answer. Raises OSError if it is too long, or takes too long in all."""
    data = b""
    while chunk := response.read1(MOST_BYTES + 1 - len(data)):
        data += chunk
        if len(data) > MOST_BYTES:
            raise OSError(f"its answer is over {MOST_BYTES >> 10} KiB long")
        if time.monotonic() > ends:
            raise OSError("its answer takes too long")
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
