"""A process whose threads get no turn any more ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.live import ROOT

PROGRAM = """
import re, threading, time, django
django.setup()
from django.conf import settings
from workflows.services.running.watchdog import start_watchdog
settings.LEVANTE_DEAD_SECONDS = {seconds}
ending = threading.Event()
start_watchdog(ending)
{work}
print("done", flush=True)
"""


def run(work: str, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work=work, seconds=seconds)],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings_test"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_process_that_holds_the_interpreter_ends_and_says_where() -> None:
    ended = run("re.match('(a+)+$', 'a' * 60 + '!')", 0.5)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Timeout" in ended.stderr
    assert "aaaa" not in ended.stderr


@pytest.mark.parametrize(
    "work",
    ["time.sleep(3)", "while time.monotonic() < began + 3: pass", "ending.set(); time.sleep(3)"],
)
def test_a_process_that_works_or_waits_goes_on(work: str) -> None:
    # On a machine that is busy with other things a turn may take its time.
    ended = run(f"began = time.monotonic()\n{work}", 2.0)
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr
