"""`manage.py up` before it starts anything: which options it takes, and which ports it chooses."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from workflows.embedded.ports import find_free_port, is_free, next_free_port
from workflows.embedded.stack import StackOptions


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[StackOptions]:
    """What would have been started."""
    options: list[StackOptions] = []
    monkeypatch.setattr(
        os, "execv", lambda _program, command: options.append(StackOptions.from_json(command[-1]))
    )
    monkeypatch.chdir(".")
    return options


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.7", "::"])  # noqa: S104
def test_no_auth_is_refused_where_others_could_connect(
    started: list[StackOptions], address: str
) -> None:
    with pytest.raises(CommandError, match="--no-auth is for this machine alone"):
        call_command("up", "--no-auth", "--bind", address)
    assert started == []


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost"])
def test_no_auth_is_taken_on_loopback(
    started: list[StackOptions], address: str, tmp_path: Path
) -> None:
    call_command("up", "--no-auth", "--bind", address, "--data-dir", tmp_path, stdout=io.StringIO())
    assert not started[0].has_authentication
    assert started[0].data_directory == str(tmp_path)


def test_a_taken_port_is_an_error_when_it_was_asked_for(
    started: list[StackOptions], taken_port: int
) -> None:
    with pytest.raises(CommandError, match=f"--port {taken_port} is taken"):
        call_command("up", "--port", str(taken_port))
    assert started == []


def test_the_next_free_port_is_taken_and_said_when_the_default_is_not_free(
    started: list[StackOptions], taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.management.commands.up.DEFAULT_PORT", taken_port)
    output = io.StringIO()
    call_command("up", stdout=output)
    assert started[0].port > taken_port
    assert f"Port {taken_port} is taken, so --port is {started[0].port}." in output.getvalue()


def test_a_port_that_was_found_free_is_free() -> None:
    port = find_free_port("127.0.0.1")
    assert is_free("127.0.0.1", port)
    assert next_free_port("127.0.0.1", port) == port


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::1", "http://[::1]:8000"),
        ("levante.local", "http://levante.local:8000"),
    ],
)
def test_the_address_that_is_printed_is_one_that_a_browser_can_open(bind: str, url: str) -> None:
    assert StackOptions("/data", bind, 8000, 5555, 4).url == url
