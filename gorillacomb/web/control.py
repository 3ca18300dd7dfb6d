"""A socket by which the user's other programs ask the running server for an address to log in."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gorillacomb.api.server.state import server_folder
from gorillacomb.api.vault import Vault
from gorillacomb.errors import UsageError

NAME = "control"
_LONGEST = 100
"""Bytes of a path that every system takes for a socket."""
_SECONDS = 5.0
_PAUSE = 0.2


class ControlSocket:
    """Answers each connection of the same user with a fresh address."""

    def __init__(self, vault: Vault, answer: Callable[[], str]) -> None:
        """Listen in the folder of a vault's server. Raises OSError, VaultError."""
        self._path = server_folder(vault) / NAME
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX)
        self._path.unlink(missing_ok=True)  # of a server that was killed: we hold its lock
        before = os.umask(0o177)
        try:
            with _short(self._path) as place:
                self._socket.bind(place)
        finally:
            os.umask(before)
        self._socket.listen(4)
        threading.Thread(target=self._serve, daemon=True, name="control").start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.EBADF):
                    return  # it was closed
                time.sleep(_PAUSE)  # no descriptor is free: too many are connected to the server
                continue
            with client, suppress(OSError):
                client.settimeout(_SECONDS)
                if peer_of(client) in (0, os.getuid()):
                    client.sendall(self._answer().encode())

    def close(self) -> None:
        """Stop answering."""
        self._path.unlink(missing_ok=True)
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def ask_for_address(vault: Vault) -> str:
    """Return a fresh address of the server of a vault. Raises UsageError if none runs."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_SECONDS)
        try:
            with _short(server_folder(vault) / NAME) as place:
                client.connect(place)
            parts = []
            while part := client.recv(4096):
                parts.append(part)
        except OSError as error:
            raise UsageError(
                "No server of this vault is running.", "Start one: gorillacomb serve"
            ) from error
    return b"".join(parts).decode()


def peer_of(client: socket.socket) -> int:
    """Return the user of the process at the other end. Raises OSError."""
    if sys.platform == "darwin":
        # struct xucred: version, uid, number of groups, groups (sys/ucred.h)
        data = client.getsockopt(0, 1, 76)
        return int(struct.unpack_from("=Ii", data)[1])
    data = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", data)[1])


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name of a path that is short enough for a socket: by its open folder if need be."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
