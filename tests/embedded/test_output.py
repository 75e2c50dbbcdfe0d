"""The log of all children: whole lines, named, and JSON where that is asked for."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

from workflows.embedded.output import Output


def written(program: str, *, as_json: bool) -> list[str]:
    """What the log has of the output of a child."""
    log = io.StringIO()
    output = Output(log, lambda: None, as_json=as_json)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        pipe = os.fdopen(os.dup(child.stdout.fileno()), "rb")
        output.watch("postgres", pipe)
        child.wait()
    while len(log.getvalue().splitlines()) < 2:
        output.pump(0.1)
    return log.getvalue().splitlines()


def test_each_line_has_the_name_of_its_process_in_front() -> None:
    lines = written("print('one'); print('two')", as_json=False)
    assert lines == ["postgres       | one", "postgres       | two"]


def test_a_line_that_is_no_json_becomes_an_object() -> None:
    own = '{"message": "two", "level": "ERROR"}'
    plain, kept = written(f"print('say \"one\"'); print({own!r})", as_json=True)
    assert kept == own
    line = json.loads(plain)
    assert (line["process"], line["message"], line["level"]) == ("postgres", 'say "one"', "INFO")
