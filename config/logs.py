"""The formats of the log: readable lines, or JSON; the constant message first, then its facts.

The facts of a line are what was given as `extra`, and the ids of the work at hand. Nobody can fake
a second line with a newline in a value.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

from workflows.log_facts import current_facts

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Celery and Django hang whole objects on their records; they are for handlers, not for people.
_OBJECTS: Final = frozenset(
    {"data", "request", "server_time", "sql", "params", "alias", "duration"}
)


class FactsFormatter(logging.Formatter):
    """One readable line, with the facts as `name=value` at its end."""

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={value}" for name, value in _facts(record).items())
        start = f"{self.formatTime(record)} {record.levelname:<7} {record.name}"
        line = f"{start} {record.getMessage()}{facts}"
        line = line.replace("\r", "\\r").replace("\n", "\\n")
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for programs that collect logs. `process` names the process."""

    def __init__(self, process: str = "") -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": self._process,
            "pid": record.process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        # A fact never takes the place of what every line has.
        line |= {name: value for name, value in _facts(record).items() if name not in line}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    known = _STANDARD | _OBJECTS
    given = {name: value for name, value in vars(record).items() if name not in known}
    return {**current_facts(), **given}
