"""Several beats and sweeps at once: one beat works, and each slot is run exactly once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.live import ROOT, LiveStack
from workflows.embedded.state import read_state

pytestmark = pytest.mark.e2e

HELLO = "version: '2.0'\ntick:\n  tasks:\n    greet:\n      action: std.noop\n"
# A longer run is made by hand: LEVANTE_TEST_TICKS=300 python -m pytest tests/e2e/test_beats.py
TICKS = int(os.environ.get("LEVANTE_TEST_TICKS", "20"))
LOCK_KEY = 0x4C65_7661_6E74_6501  # as in config/beat.py
BEAT = ("-m", "celery", "--quiet", "-A", "config", "beat", "--loglevel", "INFO", "--pidfile", "")
SWEEP = ("manage.py", "sweep", "--skip-checks")


class Extra:
    """A process beside those of the stack, with its servers."""

    def __init__(self, stack: LiveStack, name: str, *command: str) -> None:
        self.log = stack.directory / f"{name}.log"
        environment = os.environ | {
            "LEVANTE_DATA_DIR": str(stack.directory / "data"),
            "LEVANTE_BEAT_WAIT_SECONDS": "0.5",
            "LEVANTE_PROCESS_NAME": name,
            "PYTHONUNBUFFERED": "1",
        }
        for variable in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"):
            environment.pop(variable, None)
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def wait_for(self, text: str, seconds: float = 40) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    stack = LiveStack(tmp_path_factory.mktemp("beats")).start()
    yield stack
    stack.stop()


def query(stack: LiveStack, sql: str, *values: Any) -> list[Any]:
    state = read_state(stack.directory / "data")
    assert state is not None
    with psycopg.connect(state.database_url, autocommit=True) as connection:
        found = connection.execute(sql, values)
        return found.fetchall() if found.description else []


def post(stack: LiveStack, path: str, body: Any) -> dict[str, Any]:
    sent = {"data": body} if isinstance(body, str) else {"json": body}
    answer = requests.post(f"{stack.url}/{path}", timeout=10, **sent)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def upload(stack: LiveStack) -> None:
    """Store the workflow, if no test before has."""
    answer = requests.post(f"{stack.url}/workflows", data=HELLO, timeout=10)
    assert answer.status_code in (201, 409), answer.text


def test_two_beats_and_two_sweeps_run_each_slot_exactly_once(stack: LiveStack) -> None:
    beat, sweep = Extra(stack, "beat-2", *BEAT), Extra(stack, "sweep-2", *SWEEP)
    try:
        beat.wait_for("this beat waits")
        upload(stack)
        trigger = post(
            stack,
            "cron_triggers",
            {"name": "tick", "workflow_name": "tick", "pattern": "* * * * * *"},
        )
        time.sleep(TICKS / 2)
        sweep.process.kill()  # one of the two in the middle of it
        sweep.process.wait(60)
        time.sleep(TICKS / 2)
        requests.delete(f"{stack.url}/cron_triggers/tick", timeout=10)
        fires = query(
            stack,
            "SELECT slot, outcome, execution_id, fired_at FROM cron_fires WHERE trigger_id = %s"
            " ORDER BY slot",
            trigger["id"],
        )
    finally:
        beat.stop()
        sweep.stop()
    first: datetime = fires[0][0]
    assert len(fires) >= TICKS - 1
    assert [fire[0] for fire in fires] == [
        first + timedelta(seconds=number) for number in range(len(fires))
    ]
    assert {fire[1] for fire in fires} == {"started"}
    late = max((fire[3] - fire[0]).total_seconds() for fire in fires)
    assert late < 5, late
    started = query(
        stack,
        "SELECT id FROM workflow_executions WHERE description LIKE %s",
        f"%{trigger['id']}%",
    )
    assert {row[0] for row in started} == {fire[2] for fire in fires}
    _wait_until_all_ended(stack)


def _wait_until_all_ended(stack: LiveStack) -> None:
    deadline = time.monotonic() + 30
    sql = "SELECT count(*) FROM workflow_executions WHERE state <> 'SUCCESS'"
    while query(stack, sql)[0][0]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_waiting_beat_takes_over(stack: LiveStack) -> None:
    second = Extra(stack, "beat-3", *BEAT)
    try:
        second.wait_for("this beat waits")
        (holder,) = query(stack, "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted")
        # The lock is lost while the first one runs on: it has to notice.
        query(stack, "SELECT pg_terminate_backend(%s)", holder[0])
        second.wait_for("this beat works")
        third = Extra(stack, "beat-4", *BEAT)
        try:
            third.wait_for("this beat waits")
            second.process.kill()
            second.process.wait(60)
            deadline = time.monotonic() + 30
            while not _holders(stack):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            third.stop()
    finally:
        second.stop()
    assert len(_holders(stack)) <= 1


def _holders(stack: LiveStack) -> list[Any]:
    sql = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = %s"
    return query(stack, sql, LOCK_KEY & 0xFFFF_FFFF)


def test_a_task_made_by_hand_runs_without_any_beat(stack: LiveStack, tmp_path: Path) -> None:
    """Written as the admin pages do; the sweep finds it."""
    upload(stack)
    code = (
        "import json; from django_celery_beat.models import *;"
        "every, _ = IntervalSchedule.objects.get_or_create(every=1, period='seconds');"
        "PeriodicTask.objects.create(name='by hand', task='workflows.start_scheduled',"
        " interval=every, kwargs=json.dumps({'workflow': 'tick', 'count': 3}))"
    )
    Extra(stack, "shell", "manage.py", "shell", "--no-imports", "-c", code).process.wait(30)
    deadline = time.monotonic() + 30
    sql = "SELECT count(*) FROM cron_fires WHERE trigger_name = 'by hand' AND outcome = 'started'"
    while query(stack, sql)[0][0] < 3:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    triggers = requests.get(f"{stack.url}/cron_triggers", timeout=10).json()["cron_triggers"]
    assert [(one["name"], one["remaining_executions"]) for one in triggers] == [("by hand", 0)]
    assert json.loads(triggers[0]["workflow_params"]) == {}
