"""The format of the log: one readable line, the constant message first and then its facts."""

from __future__ import annotations

import logging
from typing import Any, Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Celery and Django hang whole objects on their records; they are for handlers, not for people.
_OBJECTS: Final = frozenset(
    {"data", "request", "server_time", "sql", "params", "alias", "duration"}
)


class FactsFormatter(logging.Formatter):
    """Appends what was given as `extra` as `name=value`.

    Nobody can fake a second line with a newline in a value.
    """

    def format(self, record: logging.LogRecord) -> str:
        facts = "".join(f" {name}={value}" for name, value in _facts(record).items())
        start = f"{self.formatTime(record)} {record.levelname:<7} {record.name}"
        line = f"{start} {record.getMessage()}{facts}"
        line = line.replace("\r", "\\r").replace("\n", "\\n")
        if record.exc_info:
            line = f"{line}\n{self.formatException(record.exc_info)}"
        return line


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    known = _STANDARD | _OBJECTS
    return {name: value for name, value in vars(record).items() if name not in known}
