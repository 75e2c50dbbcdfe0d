"""Private keys that the operator keeps in a folder; workflows name them and never see them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from django.conf import settings

from workflows.actions.base import ActionFailed

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}")
_MOST_BYTES: Final = 100_000


def find_private_key(name: str, project_id: str | None) -> str:
    """Read the key of this name: that of the project, or else one that is for all projects.

    The error is the same whatever is wrong, so that nobody can find out which files there are.
    """
    folder = settings.LEVANTE_SSH_KEY_DIRECTORY
    if not folder:
        raise ActionFailed("There is no folder of private keys (LEVANTE_SSH_KEY_DIRECTORY).")
    for place in (Path(folder) / str(project_id), Path(folder)):
        text = _read(place, name)
        if text:
            return text
    raise ActionFailed("There is no private key of this name (LEVANTE_SSH_KEY_DIRECTORY).")


def _read(folder: Path, name: str) -> str:
    """Read a file right in the folder, and nothing that a link leads to elsewhere."""
    if not _NAME.fullmatch(name):
        return ""
    file = folder / name
    try:
        if file.is_symlink() or not file.is_file():
            return ""
        with file.open("rb") as opened:
            return opened.read(_MOST_BYTES).decode("ascii", "replace")
    except OSError:
        return ""
