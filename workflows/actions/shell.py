"""One command on other machines over SSH, within limits of place, time and size.

Nothing of the machine we are on is used: no configuration or keys of a user, no agent, no programs.
Loaded by `std.ssh` when it first runs, since its library takes 14 MB in each process.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import asyncssh
from django.conf import settings

from workflows.actions.egress import EgressRefused, EgressRules
from workflows.actions.ssh_login import Answer, CommandFailed, Login, SSHRun

_CHUNK: Final = 16_384  # bytes

# Options of the library that keep it from what a user of this machine has set up.
_NOTHING_OF_OURS: Final[dict[str, Any]] = {
    "config": None,
    "agent_path": None,
    "gss_host": None,
    "x509_trusted_certs": None,
    "disable_trivial_auth": True,
}


class RemoteCommand:
    """A command for some hosts, one after the other; it can be broken off by another thread."""

    def __init__(
        self,
        run: SSHRun,
        command: str,
        hosts: Sequence[tuple[str, int]],
        *,
        must_succeed: bool,
    ) -> None:
        self._run, self._command, self._hosts = run, command, hosts
        self._must_succeed = must_succeed
        self._loop = asyncio.new_event_loop()
        self._work: asyncio.Task[list[Answer]] | None = None
        self._is_broken_off = False

    def run(self) -> list[Answer]:
        """Do it; raises CommandFailed."""
        asyncssh.set_log_level(logging.WARNING)  # below that it logs commands and users
        try:
            self._work = self._loop.create_task(self._run_all())
            if self._is_broken_off:
                self._work.cancel()
            return self._loop.run_until_complete(self._work)
        except (EgressRefused, asyncssh.Error, OSError, ValueError, TimeoutError) as error:
            raise CommandFailed(_reason(error)) from error
        finally:
            self._loop.close()

    def break_off(self) -> None:
        """Let it end now."""
        self._is_broken_off = True
        with suppress(RuntimeError):  # the loop has just ended
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._work is not None:
            self._work.cancel()

    async def _run_all(self) -> list[Answer]:
        if self._run.gateway is None:
            return [await self._run_on(*host, tunnel=None) for host in self._hosts]
        gateway = await self._connect(*self._run.gateway, self._run.gateway_username, None)
        async with _aborted(gateway):
            return [await self._run_on(*host, tunnel=gateway) for host in self._hosts]

    async def _run_on(self, host: str, port: int, *, tunnel: Any) -> Answer:
        connection = await self._connect(host, port, self._run.login.username, tunnel)
        async with _aborted(connection):
            answer = await self._execute(connection)
        if self._must_succeed and answer.exit_code:
            raise CommandFailed(f"the exit code on {host} is {answer.exit_code}")
        return answer

    async def _connect(
        self, host: str, port: int, username: str, tunnel: Any
    ) -> asyncssh.SSHClientConnection:
        rules = EgressRules.from_settings("LEVANTE_SSH")
        login = self._run.login
        options = {
            "username": username,
            "password": login.password or None,
            "client_keys": _keys(login),
            "known_hosts": _known_hosts(),
            # Longer than it may take, so that the end of its time is always told as that.
            "login_timeout": 2 * settings.LEVANTE_SSH_CONNECT_SECONDS,
            "tunnel": tunnel,
            **_NOTHING_OF_OURS,
        }
        async with asyncio.timeout(settings.LEVANTE_SSH_CONNECT_SECONDS):
            if tunnel is not None:  # the gateway resolves the name, so only that can be looked at
                rules.check_name(host, port)
                return await asyncssh.connect(host, port, **options)
            opened = await self._open(rules, host, port)
            try:
                return await asyncssh.connect(host, port, sock=opened, **options)
            except BaseException:
                opened.close()
                raise

    async def _open(self, rules: EgressRules, host: str, port: int) -> socket.socket:
        seconds = settings.LEVANTE_SSH_CONNECT_SECONDS
        opened = await self._loop.run_in_executor(None, rules.connect, host, port, seconds)
        opened.setblocking(False)
        return opened

    async def _execute(self, connection: asyncssh.SSHClientConnection) -> Answer:
        process = await connection.create_process(
            self._command, stdin=asyncssh.DEVNULL, encoding=None
        )
        try:
            async with asyncio.TaskGroup() as group:
                stdout = group.create_task(_read(process.stdout))
                stderr = group.create_task(_read(process.stderr))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        except asyncio.CancelledError:
            with suppress(OSError, asyncssh.Error):
                process.kill()  # as far as the server does that
            raise
        await process.wait_closed()
        code = process.exit_status
        return Answer(stdout.result(), stderr.result(), -1 if code is None else code)


class _aborted:  # noqa: N801 - used like a function
    """Ends a connection at once when its block is left."""

    def __init__(self, connection: asyncssh.SSHClientConnection) -> None:
        self._connection = connection

    async def __aenter__(self) -> None:
        return None

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)  # what was written just now goes out
        self._connection.abort()
        with suppress(asyncssh.Error, OSError, TimeoutError):
            await asyncio.wait_for(self._connection.wait_closed(), 1)


async def _read(stream: asyncssh.SSHReader[bytes]) -> str:
    most = settings.LEVANTE_SSH_MAX_BYTES
    parts: list[bytes] = []
    size = 0
    while chunk := await stream.read(_CHUNK):
        size += len(chunk)
        if size > most:
            raise CommandFailed(f"it writes more than {most} bytes (LEVANTE_SSH_MAX_BYTES)")
        parts.append(chunk)
    return b"".join(parts).decode("utf-8", "replace")


def _keys(login: Login) -> list[asyncssh.SSHKey] | None:
    """Read the key; None, and not an empty list, keeps the library from looking for others."""
    if not login.key:
        return None
    return [asyncssh.import_private_key(login.key, login.password or None)]


def _known_hosts() -> Any:
    """None lets any host in; an empty list of keys none."""
    if not settings.LEVANTE_SSH_CHECK_HOSTS:
        return None
    if not settings.LEVANTE_SSH_KNOWN_HOSTS:
        return ([], [], [])
    return asyncssh.read_known_hosts(settings.LEVANTE_SSH_KNOWN_HOSTS)


def _reason(error: Exception) -> str:
    """Say why it failed; nothing that the server said, for it may be hostile."""
    if isinstance(error, EgressRefused):
        return str(error)
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    return "the host cannot be reached or closed the connection"


_REASONS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (asyncssh.HostKeyNotVerifiable, "the key of the host is not known (LEVANTE_SSH_KNOWN_HOSTS)"),
    (asyncssh.PermissionDenied, "the host refused the login"),
    (asyncssh.KeyEncryptionError, "the private key cannot be opened with this password"),
    (asyncssh.KeyImportError, "the private key cannot be read"),
    (asyncssh.ChannelOpenError, "the host refused the command, or the gateway the host"),
    (TimeoutError, "the host did not let us in in time (LEVANTE_SSH_CONNECT_SECONDS)"),
    (socket.gaierror, "the host's name cannot be resolved"),
    (asyncssh.Error, "the connection failed"),
    (ValueError, "a value is not valid"),
)
