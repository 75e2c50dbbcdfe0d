"""The folder of the sockets, and the tidying up after a run that was killed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from workflows.embedded.processes import stop_marked
from workflows.embedded.state import remove_state

LINK: Final = "sockets"  # in the data directory, to the folder of the running servers' sockets
PREFIX: Final = "levante-"
LONGEST_DIRECTORY: Final = 80  # bytes; a socket's whole path may have 103, on Linux 107


def make_socket_directory(data_directory: Path) -> Path:
    """Make a private folder for sockets with a short path, wherever the data directory may be."""
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    if len(str(directory).encode()) > LONGEST_DIRECTORY:
        directory.rmdir()
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))
    (data_directory / LINK).symlink_to(directory)
    return directory


def remove_traces(data_directory: Path) -> None:
    """Remove what points to servers that have ended."""
    remove_state(data_directory)
    link = data_directory / LINK
    if link.is_symlink():
        directory = link.readlink()
        if directory.name.startswith(PREFIX):
            shutil.rmtree(directory, ignore_errors=True)
        link.unlink()


def clear_leftovers(data_directory: Path, grace_seconds: float) -> None:
    """End all processes of a run whose supervisor is gone, and remove its traces."""
    stop_marked(data_directory, grace_seconds)
    remove_traces(data_directory)
