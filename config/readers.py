"""Typed readers of environment variables.

A value that makes no sense stops the start with its name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})


def env_text(name: str, default: str) -> str:
    """Read a text as it stands: a password may begin with any sign, such as `$`."""
    return os.environ.get(name, default)


def env_bool(name: str, *, default: bool) -> bool:
    text = env_text(name, "true" if default else "false").strip().lower()
    if text not in _YES | _NO:
        raise ImproperlyConfigured(f"{name} must be true or false, not {text!r}")
    return text in _YES


def env_int(name: str, default: int, *, minimum: int = 0) -> int:
    return int(_number(name, env_text(name, str(default)), int, minimum))


def env_seconds(name: str, default: float, *, minimum: float = 0.0) -> float:
    return float(_number(name, env_text(name, str(default)), float, minimum))


def env_list(name: str, default: list[str]) -> list[str]:
    """Read values separated by commas."""
    return [part.strip() for part in env_text(name, ",".join(default)).split(",") if part.strip()]


def env_choice(name: str, default: str, choices: list[str]) -> str:
    """Read one of some words."""
    text = env_text(name, default).strip().lower()
    if text not in choices:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(choices)}, not {text!r}")
    return text


def env_ratio(name: str, default: float) -> float:
    """Read a number from 0 to 1."""
    ratio = float(_number(name, env_text(name, str(default)), float, 0.0))
    if ratio > 1.0:
        raise ImproperlyConfigured(f"{name} must be at most 1, not {ratio:g}")
    return ratio


def env_mapping(
    name: str,
    default: dict[str, str],
    *,
    values: tuple[str, ...],
    keys: Collection[str] | None = None,
) -> dict[str, str]:
    """Read pairs such as `a=x,b=y`; each value is one of `values`, each key perhaps of `keys`."""
    pairs = env_list(name, [f"{key}={value}" for key, value in default.items()])
    found = {}
    for pair in pairs:
        key, _, value = (part.strip() for part in pair.partition("="))
        if not key or value not in values:
            allowed = ", ".join(values)
            raise ImproperlyConfigured(f"{name}: {pair!r} is not NAME=VALUE with one of {allowed}")
        if keys is not None and key not in keys:
            known = ", ".join(sorted(keys))
            raise ImproperlyConfigured(f"{name}: there is no {key!r}; there are {known}")
        found[key] = value
    return found


def env_secret(name: str) -> str:
    """Read a secret from the variable, or from the file that `<name>_FILE` names.

    Empty if neither is set.
    """
    file = env_text(f"{name}_FILE", "")
    if not file:
        return env_text(name, "")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}") from error


def env_json_list(name: str) -> list[Any]:
    """Read a JSON list of objects, as it may hold secrets from the variable or from a file."""
    text = env_secret(name)
    try:
        value = json.loads(text or "[]")
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ImproperlyConfigured(f"{name} must be a JSON list of objects")
    return value


def refuse_open_doors(*, debug: bool, hosts: list[str], origins: list[str]) -> None:
    """Stop a start that would show tracebacks to others, or trust any host or any origin."""
    if "*" in hosts:
        raise ImproperlyConfigured("LEVANTE_ALLOWED_HOSTS must name hosts; * is not allowed")
    if "*" in origins:
        raise ImproperlyConfigured("LEVANTE_CORS_ORIGINS must name origins; * is not allowed")
    if debug and not set(hosts) <= _LOOPBACK:
        raise ImproperlyConfigured("LEVANTE_DEBUG is for this machine alone, not for other hosts")


def refuse_another_path(public_url: str, prefix: str) -> None:
    """Stop a start whose public address lacks the path under which a proxy shows the server."""
    if public_url and prefix and not public_url.endswith(f"/{prefix}"):
        raise ImproperlyConfigured(f"LEVANTE_PUBLIC_URL must end with the path prefix, /{prefix}")


def database_from_url(url: str) -> dict[str, Any]:
    """Return Django's settings of a PostgreSQL database from its URL."""
    database: dict[str, Any] = environ.Env.db_url_config(url)
    if database.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database")
    database["ENGINE"] = "workflows.database"
    options = database.setdefault("OPTIONS", {})
    # A socket's folder stands in the query of the URL, as libpq has it; Django wants it here.
    for key in ("host", "port"):
        if key in options:
            database[key.upper()] = str(options.pop(key))
    return database


def _number(name: str, text: str, kind: type[int | float], minimum: float) -> float:
    try:
        value = kind(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a number, not {text!r}") from error
    if not value >= minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum}, not {text}")
    return value
