"""Checks of inputs that several actions share: each gives the value or fails the action."""

from __future__ import annotations

from workflows.actions.base import ActionFailed
from workflows.jsontypes import JSONValue


def text(name: str, value: JSONValue) -> str:
    """Give a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ActionFailed(f"'{name}' must be a text.")
    return value


def optional_text(name: str, value: JSONValue) -> str:
    """Give a text; nothing is an empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ActionFailed(f"'{name}' must be a text.")
    return value


def texts(name: str, value: JSONValue) -> list[str]:
    """Give a list of texts; one text is a list of one, nothing an empty list."""
    if value is None or value == "":
        return []
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and one for one in found):
        raise ActionFailed(f"'{name}' must be a text or a list of texts.")
    return [str(one) for one in found]


def host_and_port(name: str, value: str, default_port: int) -> tuple[str, int]:
    """Take `host`, `host:port` or `[address]:port` apart."""
    host, colon, port = value.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):  # no port, or an address alone
        return value.strip("[]"), default_port
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ActionFailed(f"'{name}' must be written as host or host:port.")
    return host.strip("[]"), int(port)
