"""Run the server of a vault until it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio.to_thread
import uvicorn

from gorillacomb.api.server.state import hold_server_lock
from gorillacomb.api.vault import Vault
from gorillacomb.errors import UsageError
from gorillacomb.web.app import create_app
from gorillacomb.web.bounds import MOST_AT_ONCE, config_of
from gorillacomb.web.control import ControlSocket
from gorillacomb.web.listening import close_all, listen
from gorillacomb.web.site import ServerOptions, Site
from gorillacomb.web.witness.server import WitnessServer

__all__ = ["ServerOptions", "Site", "run_server"]


def run_server(
    vault: Vault,
    options: ServerOptions,
    started: Callable[[Site], object] = lambda site: None,
    witness: WitnessServer | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; ``started`` is called once it answers.

    A ``witness`` answers beside it, in the same process, and ends with it. Jobs that were started
    go on when it has ended. Raises UsageError if it cannot listen there, RefusedForSafety if a
    server of the vault runs, VaultError.
    """
    vault.create()
    lock = hold_server_lock(vault)
    try:
        site = Site.open(vault, options)
        listening = listen(options.bind, options.port)
        site.port = listening[0].getsockname()[1]
        control = ControlSocket(vault, site.login_address)
        try:
            _run(site, listening, started, witness)
        finally:
            control.close()
            close_all(listening)
            if witness is not None:
                witness.close()
    finally:
        os.close(lock)


class _Server(uvicorn.Server):
    """Calls back once it answers, and leaves the signals to the caller."""

    def __init__(
        self,
        config: uvicorn.Config,
        started: Callable[[], object],
        witness: WitnessServer | None,
    ) -> None:
        super().__init__(config)
        self._tell = started
        self._witness = witness

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Change nothing: uvicorn would raise them again at the end."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        anyio.to_thread.current_default_thread_limiter().total_tokens = MOST_AT_ONCE
        if threading.current_thread() is threading.main_thread():
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.stop)
        self._tell()

    def stop(self) -> None:
        """End: at once if asked again."""
        self.force_exit = self.should_exit
        self.should_exit = True
        if self._witness is not None:
            self._witness.stop()


def _run(
    site: Site,
    listening: list[socket.socket],
    started: Callable[[Site], object],
    witness: WitnessServer | None,
) -> None:
    tls = site.options.tls
    files = {} if tls is None else {"ssl_certfile": tls[0], "ssl_keyfile": tls[1]}
    try:
        config = uvicorn.Config(**config_of(create_app(site), **files))
        config.load()
    except OSError as error:  # also what ssl raises
        raise UsageError(f"The certificate or its key cannot be used: {error}.") from error
    server = _Server(config, lambda: started(site), witness)

    async def serve() -> None:
        both = [] if witness is None else [witness.serve_until_stopped()]
        await asyncio.gather(server.serve(listening), *both)

    asyncio.run(serve())
