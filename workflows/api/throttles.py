"""How often somebody may ask: each token, each address that logs in or comes with unknown tokens.

Counted in the memory of each web process, so a server with two of them lets twice as much pass.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

_WINDOW_SECONDS: Final = 60.0
_KEYS: Final = 10_000
_IPV6_NETWORK_BITS: Final = 64  # what one customer or machine is given


class Counter:
    """Counts by key within the current minute; bounded, and safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, key: str) -> tuple[int, float]:
        """Count once more; gives the count and the seconds until it begins anew."""
        now = time.monotonic()
        with self._lock:
            began, count = self._counts.pop(key, (now, 0))
            if now - began >= _WINDOW_SECONDS:
                began, count = now, 0
            self._counts[key] = (began, count + 1)
            if len(self._counts) > _KEYS:
                self._counts.popitem(last=False)
        return count + 1, _WINDOW_SECONDS - (now - began)

    def look(self, key: str) -> tuple[int, float]:
        """Give the same without counting."""
        now = time.monotonic()
        with self._lock:
            began, count = self._counts.get(key, (now, 0))
        left = _WINDOW_SECONDS - (now - began)
        return (count, left) if left > 0 else (0, _WINDOW_SECONDS)

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()


class CallerThrottle(BaseThrottle):
    """So many requests a minute with one token: LEVANTE_REQUESTS_PER_MINUTE."""

    counter: Final = Counter()
    _seconds: float = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        limit: int = settings.LEVANTE_REQUESTS_PER_MINUTE
        if not limit or not request.auth:
            return True
        key = hashlib.sha256(str(request.auth).encode("utf-8", "surrogateescape")).hexdigest()
        count, self._seconds = self.counter.count(key)
        return count <= limit

    def wait(self) -> float:
        return self._seconds


class LoginThrottle(BaseThrottle):
    """So many log-ins a minute from one address: LEVANTE_LOGINS_PER_MINUTE."""

    counter: Final = Counter()
    _seconds: float = 0.0

    def allow_request(self, request: Request, view: Any) -> bool:
        limit: int = settings.LEVANTE_LOGINS_PER_MINUTE
        if not limit or request.method != "POST":
            return True
        count, self._seconds = self.counter.count(client_address(request._request))
        return count <= limit

    def wait(self) -> float:
        return self._seconds


class UnknownTokens:
    """So many unknown tokens a minute from one address: LEVANTE_UNKNOWN_TOKENS_PER_MINUTE.

    Beyond it no issuer is asked about further ones; tokens that are known here stay good.
    """

    counter: Final = Counter()

    def __init__(self, request: HttpRequest) -> None:
        self._address = client_address(request)
        limit: int = settings.LEVANTE_UNKNOWN_TOKENS_PER_MINUTE
        count, self.seconds = self.counter.look(self._address)
        self.are_too_many = bool(limit) and count >= limit

    def count(self) -> None:
        """Count one more."""
        self.counter.count(self._address)


def client_address(request: HttpRequest) -> str:
    """Return who sent a request: the address that the outermost of our own proxies saw.

    LEVANTE_PROXIES says how many of them there are; what further ones claim is not believed. Of
    IPv6 it is the first address of the network, since a single machine has all that are in it.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.LEVANTE_PROXIES
    if proxies < 1:
        return _network(address) or address
    seen = [part.strip() for part in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")]
    return _network(seen[-min(proxies, len(seen))]) or _network(address) or address


def _network(text: str) -> str:
    """Return an address, of IPv6 that of its network; an empty text if it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address.packed, _IPV6_NETWORK_BITS), strict=False).network_address)


def forget_counts() -> None:
    """Begin all counts anew."""
    CallerThrottle.counter.clear()
    LoginThrottle.counter.clear()
    UnknownTokens.counter.clear()
