"""Which hosts a request may reach; every connection goes to an address that was checked.

A host is resolved once and the connection is made to the address that was looked at, so a name
that changes its answer gains nothing. Each redirect makes a connection of its own and is checked
like the first request.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any, Final, TypeAlias

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from requests import Response
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError
from urllib3.util.connection import create_connection

Address: TypeAlias = IPv4Address | IPv6Address

# The last 32 bits of an address there are one of version 4.
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
# For translations of a network's own, which may put those bits anywhere: never public.
_TRANSLATED_LOCALLY: Final = IPv6Network("64:ff9b:1::/48")
# Addresses of one host that are tried.
_MOST_ADDRESSES: Final = 8


class EgressRefused(Exception):
    """A request would go where the operator does not allow it."""


@dataclass(frozen=True, slots=True)
class EgressRules:
    """Where requests may go: the public Internet, and what is named here.

    `networks` are allowed beside public addresses; `hosts` and `ports` are the only ones allowed
    if there are any. `settings_name` begins the names of the settings that an error names.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    hosts: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset()
    settings_name: str = "LEVANTE_HTTP"

    @classmethod
    def from_texts(
        cls,
        networks: Sequence[str],
        hosts: Sequence[str],
        ports: Sequence[str],
        settings_name: str = "LEVANTE_HTTP",
    ) -> EgressRules:
        """Read the rules; raises ValueError for what is no network or no port."""
        return cls(
            tuple(ip_network(network) for network in networks),
            tuple(host.lower() for host in hosts),
            frozenset(int(port) for port in ports),
            settings_name,
        )

    @classmethod
    def from_settings(cls, settings_name: str) -> EgressRules:
        """Read the rules that begin with this name, such as LEVANTE_SSH.

        Raises ImproperlyConfigured.
        """
        networks, hosts, ports = (
            getattr(settings, f"{settings_name}_ALLOWED_{name}")
            for name in ("NETWORKS", "HOSTS", "PORTS")
        )
        try:
            return cls.from_texts(networks, hosts, ports, settings_name)
        except ValueError as error:
            raise ImproperlyConfigured(f"{settings_name}_ALLOWED_...: {error}") from error

    def check_name(self, host: str, port: int) -> str:
        """Give the plain name of a host; raises EgressRefused if name or port is not allowed."""
        name = host.strip("[]").rstrip(".").lower()
        if self.ports and port not in self.ports:
            raise EgressRefused(f"port {port} is not allowed ({self.settings_name}_ALLOWED_PORTS)")
        if self.hosts and not any(fnmatchcase(name, pattern) for pattern in self.hosts):
            raise EgressRefused(
                f"the host {name} is not allowed ({self.settings_name}_ALLOWED_HOSTS)"
            )
        return name

    def resolve(self, host: str, port: int) -> list[str]:
        """Give the addresses of a host; raises EgressRefused if one of them is not allowed."""
        name = self.check_name(host, port)
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in texts:
            if not self.allows(ip_address(text.partition("%")[0])):
                raise EgressRefused(
                    f"the host {name} has an address that is not public"
                    f" ({self.settings_name}_ALLOWED_NETWORKS)"
                )
        return texts

    def connect(self, host: str, port: int, seconds: float) -> socket.socket:
        """Open a connection to an address of the host that was checked.

        Raises EgressRefused, or OSError if none can be reached.
        """
        error: OSError = OSError("the host has no address")
        for address in self.resolve(host, port)[:_MOST_ADDRESSES]:
            try:
                return socket.create_connection((address, port), seconds)
            except OSError as failure:
                error = failure
        raise error

    def allows(self, address: Address) -> bool:
        """Whether an address may be reached, in whatever form it is written."""
        inner = _unwrapped(address)
        if any(inner in network for network in self.networks):
            return True
        if inner in _TRANSLATED_LOCALLY:
            return False
        return inner.is_global and not (
            inner.is_multicast or inner.is_reserved or inner.is_unspecified
        )


def _unwrapped(address: Address) -> Address:
    """Give the address of version 4 inside one of version 6, if there is one."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address.teredo is not None:
        inner = address.teredo[1]
    if inner is None and address in _TRANSLATED:
        inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    # ::127.0.0.1 is out of use, and some systems still take it for an address of version 4.
    if inner is None and 1 < int(address) <= 0xFFFF_FFFF:
        inner = IPv4Address(int(address))
    return inner or address


class GuardedAdapter(HTTPAdapter):
    """Sends the requests of a session by guarded connections; one adapter serves one request."""

    def __init__(self, rules: EgressRules, *, follows_redirects: bool = False) -> None:
        self._rules = rules
        self._follows_redirects = follows_redirects
        self._sockets: list[socket.socket] = []
        self._has_hung_up = False
        super().__init__(max_retries=0)

    def send(self, *args: Any, **kwargs: Any) -> Response:
        """Send a request; the body of an answer that leads elsewhere is not read.

        The library would read it whole, however long it is, before it goes on.
        """
        response = super().send(*args, **kwargs)
        if self._follows_redirects and response.is_redirect:
            response._content = b""
            response.close()
        return response

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _pool(HTTPConnectionPool, _connection(HTTPConnection, self)),
            "https": _pool(HTTPSConnectionPool, _connection(HTTPSConnection, self)),
        }

    def connect(self, connection: Any) -> socket.socket:
        """Open the socket of a connection to an address that was checked."""
        error: OSError | None = None
        for address in self._rules.resolve(connection.host, connection.port)[:_MOST_ADDRESSES]:
            if self._has_hung_up:
                break
            try:
                opened = create_connection(
                    (address, connection.port),
                    connection.timeout,
                    socket_options=connection.socket_options,
                )
            except OSError as failure:
                error = failure
                continue
            # The same connection by another number, which TLS does not take away.
            self._sockets.append(opened.dup())
            if self._has_hung_up:
                self.hang_up()
            return opened
        raise NewConnectionError(connection, f"it cannot be reached: {error}")

    def hang_up(self) -> None:
        """End all connections at once, whatever waits for them."""
        self._has_hung_up = True
        for opened in list(self._sockets):
            try:
                opened.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def close(self) -> None:
        super().close()
        for opened in self._sockets:
            opened.close()


def _connection(base: type[HTTPConnection], adapter: GuardedAdapter) -> type[HTTPConnection]:
    class Guarded(base):  # type: ignore[misc, valid-type]
        def _new_conn(self) -> socket.socket:
            return adapter.connect(self)

    return Guarded


def _pool(base: type[HTTPConnectionPool], connection: type[HTTPConnection]) -> type[Any]:
    return type("GuardedPool", (base,), {"ConnectionCls": connection})
