"""Where requests may go."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from tests.unit.actions.http_server import http_server
from workflows.actions.egress import EgressRefused, EgressRules
from workflows.actions.outgoing import RequestFailed, send_request


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "64:ff9b:1:7f00:0:100::",
        "2002:7f00:1::",
        "2001:0:0:0:0:0:80ff:fffe",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not EgressRules().allows(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f::1", "64:ff9b::5db8:d70e"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert EgressRules().allows(ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_a_network_of_the_operator_is_allowed_in_every_form(address: str) -> None:
    assert EgressRules.from_texts(["10.0.0.0/8"], [], []).allows(ip_address(address))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "0.0.0.0",  # noqa: S104
        "0",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "127。0。0。1",
        "public.example@127.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
    ],
)
def test_no_spelling_of_a_host_leads_inside(host: str) -> None:
    with pytest.raises(RequestFailed, match=r"LEVANTE_HTTP_ALLOWED_NETWORKS|not valid|reached"):
        send_request("GET", f"http://{host}/", seconds=5)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "only http"),
        ("gopher://127.0.0.1/", "only http"),
        ("ftp://127.0.0.1/", "only http"),
        ("127.0.0.1", "has no scheme"),
        ("http://", "the URL is not valid"),
    ],
)
def test_only_http_is_spoken(url: str, reason: str) -> None:
    with pytest.raises(RequestFailed, match=reason):
        send_request("GET", url)


def test_every_address_of_a_name_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(*_: Any, **__: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
            for address in ("93.184.215.14", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(EgressRefused, match=r"the host two\.example has an address"):
        EgressRules().resolve("two.example", 80)


def test_a_name_is_resolved_once_and_the_checked_address_is_used(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.LEVANTE_HTTP_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    asked: list[str] = []
    resolve = socket.getaddrinfo

    def flip(host: str, *args: Any, **kwargs: Any) -> Any:
        if host == "flip.example":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", flip)
    with http_server() as address:
        port = address.rpartition(":")[2]
        answer = send_request("GET", f"http://flip.example:{port}/text")
    assert (answer.status, asked) == (200, ["flip.example"])


@pytest.mark.parametrize(
    ("hosts", "ports", "reason"),
    [
        (["*.example.org"], [], "the host 93.184.215.14 is not allowed"),
        ([], ["443"], "port 80 is not allowed"),
    ],
)
def test_hosts_and_ports_may_be_listed(hosts: list[str], ports: list[str], reason: str) -> None:
    rules = EgressRules.from_texts([], hosts, ports)
    with pytest.raises(EgressRefused, match=reason):
        rules.resolve("93.184.215.14", 80)
