"""One vault's server: its settings, sessions and names; what every route is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from gorillacomb.api.server.drops import remove_spools
from gorillacomb.api.server.state import forget_host_name, own_host_name, server_folder
from gorillacomb.api.tokens.checker import TokenChecker
from gorillacomb.api.vault import Vault
from gorillacomb.errors import UsageError
from gorillacomb.web.security.access import Caller
from gorillacomb.web.security.bearer import Bearer
from gorillacomb.web.security.hosts import HostNames, is_loopback
from gorillacomb.web.security.sessions import LoginTokens, Sessions

DEFAULT_PORT = 8765


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """How a server is reached, and whether it may write."""

    bind: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    """0 takes a free one."""
    read_only: bool = False
    allow_hosts: Sequence[str] = ()
    public_url: str | None = None
    tls: tuple[Path, Path] | None = None
    """The files of the certificate and of its key."""

    def __post_init__(self) -> None:
        """Raise UsageError for what would send sessions over the network in the clear."""
        if not is_loopback(self.bind) and self.tls is None:
            raise UsageError(
                f"{self.bind} can be reached from other machines, which takes TLS.",
                "Add --make-cert, or --tls-cert and --tls-key; or let a proxy on this machine"
                " speak to 127.0.0.1 (--public-url).",
            )

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return "http" if self.tls is None else "https"


@dataclass(slots=True)
class Site:
    """One vault's server."""

    vault: Vault
    options: ServerOptions
    names: HostNames
    sessions: Sessions
    logins: LoginTokens = field(default_factory=LoginTokens)
    port: int = 0
    """Where it listens; 0 until it does."""

    @classmethod
    def open(cls, vault: Vault, options: ServerOptions) -> Site:
        """Open the server's state. Raises VaultError, UsageError for a name that is no host.

        Without TLS, name and sessions are new each time: while no server ran, a program of another
        user could listen at its port, and a page that was left open sent it both.
        """
        if options.tls is None:
            forget_host_name(vault)
        # Browsers send even a secure cookie to other ports of a name below localhost, without TLS.
        is_own_known = options.tls is not None
        names = HostNames.of(
            own_host_name(vault),
            options.allow_hosts,
            options.public_url,
            is_own_known=is_own_known,
        )
        sessions = Sessions(server_folder(vault) / "sessions.json")
        if options.tls is None:
            sessions.end_all()
        remove_spools(vault)  # of a server that was killed
        return cls(vault, options, names, sessions)

    @property
    def tokens(self) -> TokenChecker:
        """What checks the tokens of programs."""
        return TokenChecker(self.vault)

    def is_alive(self, caller: Caller) -> bool:
        """Return whether a session has not ended, or a token still opens what it did.

        Raises VaultError; reads the disk for a token.
        """
        if isinstance(caller, Bearer):
            return self.tokens.is_alive(caller.claims)
        return self.sessions.is_alive(caller.digest)

    def login_address(self) -> str:
        """Return an address that logs in once, within ten minutes.

        The token is in the fragment, which browsers send to no server.
        """
        host = f"{self.names.own}:{self.port}"
        base = self.names.public_origin or f"{self.options.scheme}://{host}"
        return f"{base}/login#{self.logins.create()}"


def _site_of(request: Request) -> Site:
    site: Site = request.app.state.site
    return site


GivenSite = Annotated[Site, Depends(_site_of)]
