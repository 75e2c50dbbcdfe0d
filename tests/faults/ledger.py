"""What actions did to the world: lines in a file that no transaction and no process can take back.

A start is written before the effect and an end after it. The file is compared with what the
database says and with what a workflow was to do.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

VARIABLE: Final = "FAULTS_LEDGER"


def note(kind: str, action_id: str | None, token: object, facts: str = "") -> None:
    """Add one line; a line this short is written in one piece."""
    line = f"{kind} {action_id} {token} {os.getpid()} {facts}\n"
    descriptor = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def count_up(name: str) -> int:
    """Say how often this was called with the name, in all processes together."""
    directory = Path(os.environ[VARIABLE] + ".counts")
    directory.mkdir(exist_ok=True)
    number = 1
    while True:
        try:
            os.close(os.open(directory / f"{name}.{number}", os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            number += 1
        else:
            return number


@dataclass
class Ledger:
    """The lines, counted."""

    starts: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    tokens: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def read(cls, path: Path) -> Ledger:
        found = cls()
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines:
            kind, action_id, token, *_ = line.split(" ")
            (found.starts if kind == "start" else found.ends)[action_id] += 1
            if kind == "start":
                found.tokens[action_id].add(token)
        return found
