"""A process whose threads get no turn any more ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.live import ROOT

PROGRAM = """
import re, threading, time, django
django.setup()
from django.conf import settings
from workflows.services.watchdog import start_watchdog
settings.LEVANTE_DEAD_SECONDS = 0.5
ending = threading.Event()
start_watchdog(ending)
{work}
print("done", flush=True)
"""


def run(work: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(work=work)],
        cwd=ROOT,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings_test"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_process_that_holds_the_interpreter_ends_and_says_where() -> None:
    ended = run("re.match('(a+)+$', 'a' * 60 + '!')")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "Timeout" in ended.stderr
    assert "aaaa" not in ended.stderr


@pytest.mark.parametrize("work", ["time.sleep(1.5)", "sum(range(20_000_000))", "ending.set()"])
def test_a_process_that_works_or_waits_goes_on(work: str) -> None:
    begin = time.monotonic()
    ended = run(f"{work}; time.sleep(0.7)")
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr
    assert time.monotonic() - begin > 0.7
