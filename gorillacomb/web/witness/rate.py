"""How many requests an address may send, and all together: buckets that fill again with time."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_MOST_ADDRESSES = 4096


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests may come at once, and how many a second in the long run."""

    burst: int
    per_second: float


ONE_ADDRESS = RateLimit(30, 5)
ALL_ADDRESSES = RateLimit(200, 50)


class RateLimiter:
    """Counts requests by address; an IPv6 address counts as its network of 64 bits."""

    def __init__(
        self,
        one: RateLimit = ONE_ADDRESS,
        all_together: RateLimit = ALL_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._one, self._all, self._clock = one, all_together, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._whole = (float(all_together.burst), clock())

    def wait(self, address: str) -> int:
        """Count a request; return 0 if it may be answered, else the seconds to wait first."""
        now, network = self._clock(), _network(address)
        left, whole = self._level(network, now), _filled(self._whole, self._all, now)
        wait = max(_seconds_to_one(left, self._one), _seconds_to_one(whole, self._all))
        taken = 0 if wait else 1
        self._whole = (whole - taken, now)
        self._buckets[network] = (left - taken, now)
        self._buckets.move_to_end(network)
        if len(self._buckets) > _MOST_ADDRESSES:
            self._buckets.popitem(last=False)  # the one that was silent for the longest time
        return wait

    def _level(self, network: str, now: float) -> float:
        return _filled(self._buckets.get(network, (float(self._one.burst), now)), self._one, now)


def _filled(bucket: tuple[float, float], limit: RateLimit, now: float) -> float:
    level, at = bucket
    return min(float(limit.burst), level + (now - at) * limit.per_second)


def _seconds_to_one(level: float, limit: RateLimit) -> int:
    return 0 if level >= 1 else max(1, math.ceil((1 - level) / limit.per_second))


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
