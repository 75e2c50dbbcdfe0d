"""The commands of the pages, run as they stand there; and why some are only parsed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.docs.test_commands import SHOWN
from tests.live import ROOT, LiveStack, free_port

pytestmark = pytest.mark.e2e

SECONDS: Final = 90.0
# What ends by itself, and what it writes.
ENDING: Final = {
    "manage.py token --user ann --project blue --role author --days 30": '"role": "author"',
    "manage.py token --user ann --project blue --role operator --days 90": '"role": "operator"',
    "manage.py axes_reset_username ann": "",
    "manage.py migrate --no-input": "No migrations to apply",
    "manage.py load_workflows": "",
    "manage.py doctor": "",
    "python -m config.settings_page": "",
    "python -m config.states_page": "",
}
# What runs until it is told to stop, and a pattern of what it writes once it is at work.
SERVING: Final = {
    "gunicorn config.wsgi --worker-class gthread --threads 8": "Booting worker",
    "celery -A config worker --queues engine --without-mingle --without-gossip": "ready",
    "celery -A config worker --queues actions --without-mingle --without-gossip": "ready",
    "celery -A config worker --queues gpu-box": "ready",
    "celery -A config worker --queues celery": "ready",
    "celery -A config beat": "this beat waits for another one to end",
    "manage.py sweep": "",
    "manage.py sweep --with-events": "",
    "manage.py events": "",
    "manage.py workers": "ready.*ready",
}
# What is not run here: where it is run, or why it is not.
ELSEWHERE: Final = {
    r"make run.*|manage\.py up.*": "tests/e2e/test_up.py, by way of manage.py up",
    r"mistral .*": "tests/docs/test_readme.py, tests/docs/test_how_to_triggers.py, and each command"
    " of the client in tests/e2e/test_commands.py",
    r"pg_.*|manage\.py recover.*": "tests/e2e/test_backup.py",
    r"manage\.py import_mistral .*": "tests/commands/test_import_mistral.py, with a source here",
    r"make soak.*": "tests/faults, which is what it runs",
    r"make bench.*": "takes minutes; tests/benchmarks looks at its figures",
    r"make fuzz": "tests/e2e/test_generated_requests.py, which is what it runs",
    r"make test": "this is it",
    r"make check": "takes a minute, and says nothing about the service",
    r"pip install .*": "needs a package index",
    r"manage\.py (token|workers)": "named, and shown elsewhere with its options",
}


def test_each_command_of_a_page_is_run_somewhere_or_says_why_not() -> None:
    shown = {command for _, command in SHOWN}
    here = ENDING.keys() | SERVING.keys()
    left = [one for one in shown - here if not any(re.fullmatch(r, one) for r in ELSEWHERE)]
    assert left == []
    assert here <= shown


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a person has who follows the page, while `up` runs."""
    stack = LiveStack(tmp_path_factory.mktemp("pages"), options=("--workers", "2")).start()
    without = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL")
    try:
        yield {
            **{key: value for key, value in os.environ.items() if key not in without},
            "LEVANTE_DATA_DIR": str(stack.directory / "data"),
            "PATH": f"{Path(sys.executable).parent}:{ROOT}:{os.environ['PATH']}",
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{free_port()}",
            "PYTHONUNBUFFERED": "1",
        }
    finally:
        stack.stop()


@pytest.mark.parametrize("command", ENDING)
def test_a_command_does_what_it_is_for(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ENDING[command] in done.stdout


@pytest.mark.parametrize("command", SERVING)
def test_a_process_works_and_ends_when_it_is_told_to(
    command: str, environment: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(process, log, SERVING[command])
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0, log.read_text()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert "Traceback" not in log.read_text()


def wait_for(process: subprocess.Popen[bytes], log: Path, text: str) -> None:
    """Wait until a process says that it is at work; one that says nothing gets some seconds."""
    deadline = time.monotonic() + (SECONDS if text else 8.0)
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if text and re.search(text, log.read_text(), re.DOTALL):
            return
        time.sleep(0.2)
    assert not text, log.read_text()
