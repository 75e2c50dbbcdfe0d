"""Workers that die or forget: what they had claimed is settled, and nothing else is touched."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from tests.factories import ready_actions, start, states
from workflows.models import ActionExecution, WorkerProcess
from workflows.services.advancing.advance import advance
from workflows.services.running import lost_work
from workflows.services.running.attempts import Claim, claim_action
from workflows.services.running.lost_work import LOST, ClaimWatch, ProcessWatch
from workflows.services.running.process import this_process

pytestmark = pytest.mark.django_db

WORK = """
version: '2.0'
job:
  tasks:
    act: {action: std.sleep seconds=0, on-error: mend}
    mend: {action: std.noop}
"""
SAFE = WORK.replace("seconds=0,", "seconds=0, safe-rerun: true,")


class Clock:
    """The clock of the sweep, which is not that of the workers."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lost_work, "time", clock)
    return clock


def make_process(process_id: UUID | None = None) -> WorkerProcess:
    now = timezone.now()
    return WorkerProcess.objects.create(
        id=process_id or uuid4(), host="here", pid=1, started_at=now, beat=7, beat_at=now
    )


def claim_one(text: str) -> Claim:
    claim = claim_action(ready_actions(start(text).id)[0].id)
    assert claim is not None
    make_process(this_process().id)
    return claim


def watch_until(watch: ProcessWatch, clock: Clock, end: float) -> int:
    """Look every five seconds, as the sweep does more often."""
    count = watch.bury_dead_processes()
    while clock.now + 5.0 <= end:
        clock.now += 5.0
        count += watch.bury_dead_processes()
    return count


def test_a_lost_worker_fails_its_unsafe_action(clock: Clock) -> None:
    claim = claim_one(WORK)
    watch = ProcessWatch()
    assert watch_until(watch, clock, 30.0) == 0
    assert watch_until(watch, clock, 35.0) == 1
    assert not WorkerProcess.objects.exists()
    action = ActionExecution.objects.select_related("execution").get(id=claim.action_id)
    assert (action.state, action.output) == ("ERROR", {"result": LOST})
    assert action.execution is not None
    advance(action.execution.id)
    assert states(action.execution) == {"act": "ERROR", "mend": "SUCCESS"}


def test_a_lost_worker_gives_its_safe_action_back_until_it_has_started_three_times(
    clock: Clock,
) -> None:
    execution = start(SAFE)
    for attempt in range(1, 4):
        (action,) = ready_actions(execution.id)
        claim_action(action.id)
        make_process(this_process().id)
        watch_until(ProcessWatch(), clock, clock.now + 35.0)
        action.refresh_from_db()
        assert action.starts == attempt
    assert (action.state, action.output) == ("ERROR", {"result": LOST})


def test_a_released_action_gets_a_new_token() -> None:
    first = claim_one(SAFE)
    ActionExecution.objects.update(started_at=timezone.now() - timedelta(hours=1))
    WorkerProcess.objects.all().delete()
    assert ClaimWatch().settle_abandoned() == 1
    second = claim_action(first.action_id)
    assert second is not None
    assert first.token != second.token


def test_a_process_whose_counter_moves_is_alive(clock: Clock) -> None:
    process = make_process()
    watch = ProcessWatch()
    for beat in range(8, 20):
        watch_until(watch, clock, clock.now + 25.0)
        WorkerProcess.objects.filter(id=process.id).update(beat=beat)
    assert WorkerProcess.objects.exists()


def test_most_processes_at_once_are_given_twice_the_time(clock: Clock) -> None:
    for _ in range(3):
        make_process()
    watch = ProcessWatch()
    watch_until(watch, clock, 60.0)
    assert WorkerProcess.objects.count() == 3
    watch_until(watch, clock, 65.0)
    assert WorkerProcess.objects.count() == 0


def test_time_in_which_the_sweep_could_not_look_does_not_count(clock: Clock) -> None:
    make_process()
    watch = ProcessWatch()
    watch.bury_dead_processes()
    clock.now = 300.0
    watch_until(watch, clock, 330.0)
    assert WorkerProcess.objects.exists()
    watch_until(watch, clock, 335.0)
    assert not WorkerProcess.objects.exists()


def test_a_process_that_wakes_up_while_it_is_buried_is_kept(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = make_process()
    monkeypatch.setattr(
        lost_work, "settle", lambda claims: WorkerProcess.objects.update(beat=8) and 0
    )
    watch_until(ProcessWatch(), clock, 35.0)
    assert WorkerProcess.objects.filter(id=process.id).exists()


def beat_once(*tokens: UUID) -> None:
    (process,) = WorkerProcess.objects.all()
    process.beat += 1
    process.tokens = [str(token) for token in tokens]
    process.save()


def test_a_claim_that_its_process_does_not_name_for_two_beats_is_settled() -> None:
    claim = claim_one(WORK)
    watch = ClaimWatch()
    for _ in range(3):
        assert watch.settle_abandoned() == 0
    beat_once()
    assert watch.settle_abandoned() == 0
    beat_once()
    assert watch.settle_abandoned() == 1
    assert ActionExecution.objects.get(id=claim.action_id).output == {"result": LOST}


def test_a_claim_that_its_process_names_is_left_alone() -> None:
    claim = claim_one(WORK)
    watch = ClaimWatch()
    watch.settle_abandoned()
    for _ in range(5):
        beat_once(claim.token)
        assert watch.settle_abandoned() == 0


def test_a_claim_of_an_unknown_process_is_settled_after_a_while() -> None:
    claim_action(ready_actions(start(WORK).id)[0].id)
    assert ClaimWatch().settle_abandoned() == 0
    ActionExecution.objects.update(started_at=timezone.now() - timedelta(seconds=31))
    assert ClaimWatch().settle_abandoned() == 1


def test_an_asynchronous_action_waits_for_its_result_without_any_process() -> None:
    execution = start(WORK.replace("std.sleep seconds=0", "std.async_noop"))
    claim = claim_action(ready_actions(execution.id)[0].id)
    assert claim is not None
    ActionExecution.objects.update(process_id=None, started_at=timezone.now() - timedelta(hours=1))
    assert ClaimWatch().settle_abandoned() == 0
