"""The state file of a data directory: where its embedded servers listen.

Settings read it, the servers write it.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from workflows.embedded.processes import is_running

STATE_FILE = "servers.json"


@dataclass(frozen=True, slots=True)
class ServersState:
    """The URLs of the running embedded servers, empty for one that is not ours."""

    database_url: str = ""
    redis_url: str = ""
    supervisor: int = 0  # the process that runs them


def read_state(data_directory: Path) -> ServersState | None:
    """Return where the servers of this data directory listen, None if they do not run."""
    try:
        text = (data_directory / STATE_FILE).read_text(encoding="utf-8")
        state = ServersState(**json.loads(text))
    except (OSError, ValueError, TypeError):
        return None
    # A run that was killed may have left its file behind.
    return state if is_running(state.supervisor) else None


def write_state(data_directory: Path, state: ServersState) -> None:
    write_private(data_directory / STATE_FILE, json.dumps(asdict(state), indent=2) + "\n")


def remove_state(data_directory: Path) -> None:
    (data_directory / STATE_FILE).unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; only its owner may read it, at no moment anybody else."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).replace(path)


def keep_secret(path: Path) -> str:
    """Return the secret in the file, after making one on first use.

    Processes that race get the same one.
    """
    with suppress(FileNotFoundError):
        return path.read_text(encoding="utf-8")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(50))
    # A link, unlike a rename, leaves what another process has put there.
    with suppress(FileExistsError):
        path.hardlink_to(temporary)
    Path(temporary).unlink()
    return path.read_text(encoding="utf-8")
