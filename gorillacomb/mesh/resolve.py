"""What DNS says of the names in the addresses of nodes, beside what it said before."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from gorillacomb.mesh.node import MeshNode

SECONDS = 5.0
"""For all questions about one name."""


class DnsState(StrEnum):
    """How a name resolved."""

    UNCHANGED = "unchanged"
    FIRST = "first"
    """It was never asked for before."""
    CHANGED = "changed"
    MISSING = "missing"
    """The name does not exist, or has no address."""
    FAILED = "failed"
    """No answer in time, or one that says that it failed."""
    LITERAL = "literal"
    """The URL has an address, not a name."""


@dataclass(frozen=True, slots=True)
class NameLookup:
    """What DNS said of one node."""

    node: str
    host: str
    state: DnsState
    addresses: tuple[str, ...]
    """Sorted; A and AAAA."""
    before: tuple[str, ...]
    """The addresses at the last time that it had any."""
    reason: str | None = None


def hosts_of(node: MeshNode) -> list[str]:
    """Return the hosts in a node's URLs, sorted."""
    return sorted({urlsplit(url).hostname or "" for url in (node.url, node.monitor)})


def look_up(
    node: MeshNode,
    before: Sequence[str],
    resolver: tuple[str, int] | None = None,
    seconds: float = SECONDS,
) -> list[NameLookup]:
    """Ask DNS for the addresses of a node's names.

    ``before`` are those of the last time. ``resolver`` is the address and port of the server to
    ask, None for the system's.
    """
    return [
        _looked_up(node.name, host, tuple(before), resolver, seconds) for host in hosts_of(node)
    ]


def _looked_up(
    name: str,
    host: str,
    before: tuple[str, ...],
    server: tuple[str, int] | None,
    seconds: float,
) -> NameLookup:
    try:
        literal = (str(ipaddress.ip_address(host)),)
    except ValueError:
        pass
    else:
        return NameLookup(name, host, DnsState.LITERAL, literal, before)
    found, reason, is_missing = _addresses(host, server, seconds)
    if reason is not None:
        state = DnsState.MISSING if is_missing else DnsState.FAILED
    elif not before:
        state = DnsState.FIRST
    else:
        state = DnsState.UNCHANGED if set(found) <= set(before) else DnsState.CHANGED
    return NameLookup(name, host, state, found, before, reason)


def _addresses(
    host: str, server: tuple[str, int] | None, seconds: float
) -> tuple[tuple[str, ...], str | None, bool]:
    """Return the addresses, or why there are none, and whether DNS says that the name has none."""
    import dns.exception
    import dns.resolver

    found: set[str] = set()
    try:
        resolver = dns.resolver.Resolver(configure=server is None)
        if server is not None:
            resolver.nameservers, resolver.port = [server[0]], server[1]
        resolver.lifetime = seconds
        answers = resolver.resolve_name(host)
        found = set(answers.addresses())
    except dns.resolver.NXDOMAIN:
        return (), f"the name {host} does not exist", True
    except (dns.resolver.NoAnswer, dns.resolver.NoNameservers) as error:
        is_empty = isinstance(error, dns.resolver.NoAnswer)
        return (), f"{host} has no address" if is_empty else "the server refused", is_empty
    except dns.exception.Timeout:
        return (), f"no answer within {seconds:g} seconds", False
    except (dns.exception.DNSException, OSError) as error:
        return (), str(error).split("\n")[0].rstrip("."), False
    return tuple(sorted(found)), None, False
