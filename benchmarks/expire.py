"""Deletes old executions as the sweep does, without its pauses, and prints how long each step took.

A program of its own, for it needs the settings of the service.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import django


def main() -> None:
    """Print the milliseconds of each transaction as a JSON list."""
    django.setup()
    expiry: Any = import_module("workflows.services.executions.expiry")
    held: list[float] = []
    step: Callable[..., tuple[int, bool]] = expiry.expire_some

    @wraps(step)
    def timed(*arguments: Any) -> tuple[int, bool]:
        began = time.monotonic()
        try:
            return step(*arguments)
        finally:
            held.append(round(1000 * (time.monotonic() - began), 2))

    expiry.expire_some = timed
    rule = expiry.Expiry()
    while rule.expire_executions():
        pass
    json.dump(held, sys.stdout)


if __name__ == "__main__":
    main()
