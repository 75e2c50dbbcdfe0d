"""python-mistralclient's command line, unmodified, in a process that takes one command a line.

A start of the program costs a second or two, and the tests need a hundred. Run as a program this
module is that process; imported it is the handle to it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def fault(self) -> str:
        """What it says about its failure, which has to be words and no traceback."""
        assert self.code != 0
        said = self.out + self.err
        assert "Traceback" not in said
        return said


class MistralShell:
    """The commands of one person."""

    def __init__(self, *options: str) -> None:
        self._options = options
        environment = {key: value for key, value in os.environ.items() if "OS_" not in key}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def run(self, *arguments: str) -> Finished:
        """Run a command, however it may end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([*self._options, *arguments]) + "\n")
        self._process.stdin.flush()
        return Finished(*json.loads(self._process.stdout.readline()))

    def text(self, *arguments: str) -> str:
        """Run a command that has to succeed, and give what it prints."""
        finished = self.run(*arguments)
        assert finished.code == 0, (arguments, finished.err, finished.out)
        return finished.out

    def __call__(self, *arguments: str) -> Any:
        """Run a command and read its table or record as JSON."""
        return json.loads(self.text(*arguments, "-f", "json"))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(20)


def _serve() -> None:
    from mistralclient import shell  # noqa: PLC0415 - slow, and of no use to the importing side

    out, err = io.StringIO(), io.StringIO()  # the program's log keeps the first ones it meets
    for line in sys.stdin:
        for stream in (out, err):
            stream.seek(0)
            stream.truncate()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                code = shell.MistralShell().run(json.loads(line))
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 1
        answer = json.dumps([code or 0, out.getvalue(), err.getvalue()])
        print(answer, flush=True)  # noqa: T201 - the answer to the other process


if __name__ == "__main__":
    _serve()
