"""What a command over SSH is given, and how it ends; see `actions.shell` for the way there."""

from __future__ import annotations

from dataclasses import dataclass, field


class CommandFailed(Exception):
    """The command did not run, or did not end well; the text holds no secret of the login."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in; `key` is the text of a private key, `password` opens it if it is locked."""

    username: str
    password: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command wrote, and how it ended."""

    stdout: str
    stderr: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class SSHRun:
    """With which login, and through which gateway."""

    login: Login
    gateway: tuple[str, int] | None = None
    gateway_username: str = ""
