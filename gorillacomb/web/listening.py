"""Where the server listens: at the address that was asked for, and always at both loopback ones."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable

from gorillacomb.errors import UsageError

_LOOPBACK = ("127.0.0.1", "::1")
_INCLUDES = {"0.0.0.0": _LOOPBACK[:1], "localhost": _LOOPBACK[:1], "::": _LOOPBACK}
_MISSING = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_MOST_TRIES = 20
"""Free ports that are tried, if any will do, until one is free at every address."""


def listen(address: str, port: int) -> list[socket.socket]:
    """Return sockets that listen at an address and at both loopback ones, that address first.

    Browsers try 127.0.0.1 and ::1 for a name below localhost, the latter first: a program of
    another user that listened at one of them would get the logins and cookies meant for this
    server. Port 0 takes a free one. Raises UsageError.
    """
    included = _INCLUDES.get(address, (address,))
    others = [each for each in _LOOPBACK if each not in included]
    for _ in range(_MOST_TRIES):
        made = [_bound(address, port)]
        taken = made[0].getsockname()[1]
        for other in others:
            try:
                made.append(_bound(other, taken))
            except _NotListening as error:
                if error.number in _MISSING:
                    continue  # this machine has no IPv6, or none of the older kind
                close_all(made)
                if port == 0 and error.number == errno.EADDRINUSE:
                    break
                raise
        else:
            return made
    raise UsageError("No port is free at both 127.0.0.1 and ::1.", "Choose one with --port.")


def listen_at(address: str, port: int) -> list[socket.socket]:
    """Return a socket that listens at one address alone; port 0 takes a free one.

    Raises UsageError.
    """
    return [_bound(address, port)]


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Close sockets."""
    for each in sockets:
        each.close()


class _NotListening(UsageError):
    def __init__(self, address: str, port: int, error: Exception) -> None:
        self.number = getattr(error, "errno", None)
        cause = os.strerror(self.number) if self.number else str(error)
        super().__init__(
            f"Listening at {address}, port {port} failed: {cause.lower()}.",
            "Choose another one with --port (or --witness-bind); 0 takes a free one."
            if self.number == errno.EADDRINUSE
            else "",
        )


def _bound(address: str, port: int) -> socket.socket:
    is_new = ":" in address
    try:
        listening = socket.socket(socket.AF_INET6 if is_new else socket.AF_INET)
    except OSError as error:
        raise _NotListening(address, port, error) from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_new:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        listening.bind((address, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        raise _NotListening(address, port, error) from error
    return listening
