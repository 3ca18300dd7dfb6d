"""Run a witness: beside the server of a vault, or alone."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from gorillacomb.api.mesh.witness import Witness
from gorillacomb.api.vault import Vault
from gorillacomb.errors import UsageError
from gorillacomb.web.bounds import config_of
from gorillacomb.web.listening import close_all, listen_at
from gorillacomb.web.security.hosts import is_loopback
from gorillacomb.web.witness.app import create_witness_app

DEFAULT_WITNESS_PORT = 8766
_MOST_CONNECTIONS = 64
"""Beyond that, a request is answered with 503."""
_PLACE = re.compile(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^:\[\]]+)):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class WitnessOptions:
    """How a witness is reached."""

    bind: str = "127.0.0.1"
    port: int = DEFAULT_WITNESS_PORT
    """0 takes a free one."""
    tls: tuple[Path, Path] | None = None
    """The files of the certificate and of its key; None for plain HTTP."""

    @classmethod
    def parse(cls, place: str | None, tls: tuple[Path, Path] | None = None) -> WitnessOptions:
        """Read ``ADDRESS:PORT``; None for this machine alone. Raises UsageError."""
        if place is None:
            return cls(tls=tls)
        found = _PLACE.fullmatch(place)
        if found is None or int(found[3]) > 65535:
            raise UsageError(
                f"{place[:80]!r} is not an address and a port.",
                "For example: --witness-bind 0.0.0.0:8766, or [::1]:8766",
            )
        return cls(found[1] or found[2], int(found[3]), tls)

    @property
    def is_open(self) -> bool:
        """Whether other machines reach it without TLS."""
        return not is_loopback(self.bind) and self.tls is None


class WitnessServer(uvicorn.Server):
    """A witness that listens: `serve_until_stopped` answers."""

    def __init__(self, vault: Vault, options: WitnessOptions) -> None:
        """Open the witness and listen. Raises UsageError, VaultError, KeyMissing."""
        self.options = options
        tls = options.tls
        files = {} if tls is None else {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
        app = create_witness_app(Witness.open(vault))
        made = uvicorn.Config(**config_of(app, limit_concurrency=_MOST_CONNECTIONS, **files))
        try:
            made.load()
        except OSError as error:  # also what ssl raises
            raise UsageError(f"The certificate or its key cannot be used: {error}.") from error
        super().__init__(made)
        self._listening: list[socket.socket] = listen_at(options.bind, options.port)
        self.port: int = self._listening[0].getsockname()[1]

    @property
    def address(self) -> str:
        """The URL at which it listens: the prefix of both its requests."""
        host = f"[{self.options.bind}]" if ":" in self.options.bind else self.options.bind
        return f"{'http' if self.options.tls is None else 'https'}://{host}:{self.port}"

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Change nothing: who runs it stops it."""
        yield

    def stop(self) -> None:
        """End: at once if asked again."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def serve_until_stopped(self) -> None:
        """Answer until it is stopped."""
        await self.serve(self._listening)

    def close(self) -> None:
        """Stop listening."""
        close_all(self._listening)

    def run_alone(self, started: Callable[[], object] = lambda: None) -> None:
        """Answer until SIGINT or SIGTERM; ``started`` is called once it listens."""

        async def serve() -> None:
            if threading.current_thread() is threading.main_thread():
                loop = asyncio.get_running_loop()
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, self.stop)
            started()
            await self.serve_until_stopped()

        try:
            asyncio.run(serve())
        finally:
            self.close()
