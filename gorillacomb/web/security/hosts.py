"""The names under which the server answers, which keeps other sites from reaching it by DNS."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from gorillacomb.errors import UsageError

_HOST = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?"
)
_LOCAL = "localhost"


class HostKind(Enum):
    """What a name is that a request was sent to."""

    OWN = "the vault's own name, which no other program has"
    SHARED = "a name that other programs on other ports have too, and get its cookies"
    PUBLIC = "the one of --public-url"


@dataclass(frozen=True, slots=True)
class HostNames:
    """The names under which the server answers; a request for any other one is refused."""

    own: str
    allowed: frozenset[str]
    """In lower case, without a port."""
    public_origin: str | None
    """Scheme, host and port of ``--public-url``."""
    is_own_known: bool = False
    """Whether others can find out the own name: it is in the certificate."""

    @classmethod
    def of(
        cls, own: str, allowed: Iterable[str], public_url: str | None, *, is_own_known: bool = False
    ) -> HostNames:
        """Return the names. Raises UsageError for one that is not a host, or no URL."""
        for name in allowed:
            if name_of(name) is None or ":" in name.rpartition("]")[2]:
                raise UsageError(f"{name!r} is not the name of a host.", "Give it without a port.")
        origin = None if public_url is None else _origin(public_url)
        return cls(own, frozenset(name.lower() for name in allowed), origin, is_own_known)

    def kind(self, host: str) -> HostKind | None:
        """Return what the value of a Host header is; None if it is none of ours."""
        name = name_of(host)
        if name is None:
            return None
        if self.public_origin is not None and host.lower() == self.public_origin.partition("//")[2]:
            return HostKind.PUBLIC
        if name == self.own:
            return HostKind.SHARED if self.is_own_known else HostKind.OWN
        return HostKind.SHARED if name in self.allowed or is_loopback(name) else None

    def origin(self, host: str, scheme: str) -> str:
        """Return the origin of a request with this valid Host."""
        if self.kind(host) is HostKind.PUBLIC and self.public_origin is not None:
            return self.public_origin
        return f"{scheme}://{host.lower()}"


def name_of(host: str) -> str | None:
    """Return the name in a Host header, in lower case; None if it is not valid."""
    found = _HOST.fullmatch(host)
    return None if found is None else found[1].lower()


def is_loopback(name: str) -> bool:
    """Return whether a name or address is this machine's own, in any spelling of an address."""
    if name == _LOCAL:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        has_port = parts.port is not None
    except ValueError:
        parts, has_port = urlsplit(""), False
    host = parts.netloc.lower()
    if parts.scheme == "http" and name_of(host) is not None:
        raise UsageError(
            f"{url!r} would send sessions over the network in the clear.",
            "Let the proxy use TLS: https://…",
        )
    is_web = parts.scheme == "https" and parts.path in ("", "/")
    if not is_web or name_of(host) is None:
        raise UsageError(
            f"{url!r} is not the address of a server.", "For example: https://comb.example.org"
        )
    return f"https://{host.removesuffix(':443') if has_port else host}"
