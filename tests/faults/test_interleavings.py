"""Thousands of orders in which the same things may happen: all come to one end.

First the engine alone, in memory; then the services on a database, with a broker that loses,
repeats, delays and mixes up.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import MemoryExecution
from tests.faults.flows import COMMON, TEXT, Run
from tests.faults.service import BadBroker, make_service, open_executions
from tests.unit.engine.test_random_graphs import Plan, plans
from workflows.engine.events import ActionEnded, Event, ItemsEnded, TimerDue
from workflows.engine.states import FINAL, UNFINISHED, State

PLANS = 500
ORDERS = 4  # of each plan, so there are 2,000 interleavings
SEEDS = (1, 2, 3, 4)
ITEMS = """
version: '2.0'
w:
  output: {all: <% task(each).result %>, last: <% task(last).result %>}
  tasks:
    each:
      with-items: i in <% range(5) %>
      concurrency: 2
      action: std.async_noop
      retry: {count: 1, delay: 1}
      on-success: last
    side: {action: std.async_noop, wait-before: 2, timeout: 5, on-complete: last}
    last: {join: all, action: std.async_noop}
"""


def play(run: MemoryExecution, failing: frozenset[str], fate: random.Random) -> None:
    """Let things happen in a random order: results alone and together, timers, empty looks."""
    for _ in range(600):
        chosen = [action for action in run.running() if action.state is State.RUNNING]
        if not chosen and not run.timers:
            return
        luck = fate.random()
        if luck < 0.15:
            run.feed()  # a message that was sent twice
        elif luck < 0.3 and run.timers:
            key = fate.choice(sorted(run.timers, key=str))
            del run.timers[key]
            run.feed(TimerDue(*key), *([TimerDue(*key)] if fate.random() < 0.3 else []))
        elif chosen:
            some = fate.sample(chosen, fate.randint(1, len(chosen)))
            run.feed(*(end(run, action, failing) for action in some))
    raise AssertionError("it does not end")


def end(run: MemoryExecution, action: object, failing: frozenset[str]) -> Event:
    """End an action as its row is ended, and give the event that an advance makes of it."""
    name = run.tasks[action.task_id].name  # type: ignore[attr-defined]
    state = State.ERROR if name in failing else State.SUCCESS
    ended = replace(
        action,  # type: ignore[type-var]
        state=state,
        output={"result": name},
        is_accepted=True,
        is_handled=True,
        finished_at=run._clock,
    )
    run.actions[ended.id] = ended  # type: ignore[attr-defined]
    if run.tasks[ended.task_id].items_total is None:  # type: ignore[attr-defined]
        return ActionEnded(ended)  # type: ignore[arg-type]
    return ItemsEnded(ended.task_id, False)  # type: ignore[attr-defined]


def end_of(run: MemoryExecution) -> tuple[object, ...]:
    """What a user sees of the end."""
    tasks = sorted((task.name, str(task.state)) for task in run.tasks.values())
    output = run.execution.output
    visible = {k: v for k, v in output.items() if k != "result"} if output else None
    return run.execution.state, tasks, visible


@settings(max_examples=PLANS, deadline=None)
@given(plans(loops=False, once=True), st.integers(0, 10**6))
def test_all_orders_of_events_come_to_one_end(plan: Plan, seed: int) -> None:
    ends = []
    for order in range(ORDERS):
        run = MemoryExecution(plan.text).start()
        play(run, plan.failing, random.Random(seed + order))
        assert run.execution.state in FINAL
        assert [task.name for task in run.tasks.values() if task.state in UNFINISHED] == []
        ends.append(end_of(run))
    assert all(one == ends[0] for one in ends)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_items_timers_and_joins_meet_in_any_order(seed: int) -> None:
    run = MemoryExecution(ITEMS).start()
    for _ in range(600):
        if run.execution.state in FINAL:
            break
        fate = random.Random(seed)
        seed += 1
        idle = [action for action in run.running("each") if action.state is State.IDLE]
        busy = [action for action in run.running("each") if action.state is State.RUNNING]
        if idle and len(busy) < 2:  # what a lane does
            run.actions[idle[0].id] = replace(idle[0], state=State.RUNNING)
        play_a_little(run, fate)
    ended = run.states()
    assert ended == {"each": "SUCCESS", "side": ended["side"], "last": "SUCCESS"}
    assert run.execution.state == ended["side"]  # on-complete handles no timeout
    assert len(run.runs_of("last")) == 1


def play_a_little(run: MemoryExecution, fate: random.Random) -> None:
    chosen = [action for action in run.running() if action.state is State.RUNNING]
    if run.timers and fate.random() < 0.3:
        key = fate.choice(sorted(run.timers, key=str))
        del run.timers[key]
        run.feed(TimerDue(*key))
    elif chosen:
        run.feed(end(run, fate.choice(chosen), frozenset()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "seed",
    [*SEEDS, random.SystemRandom().randrange(10**6)],
    ids=[*map(str, SEEDS), "new-seed"],  # the same in each process that collects the tests
)
def test_a_bad_broker_changes_no_end(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fate = random.Random(seed)
    service = make_service(tmp_path, monkeypatch, BadBroker(tmp_path / "messages", fate=fate))
    service.upload(TEXT)
    makers = [make for make in COMMON if make(fate).workflow not in ("asks", "delays")]
    runs: list[Run] = [replace(fate.choice(makers)(fate), ask="") for _ in range(12)]
    for run in runs:
        service.start(run)
        service.run(1)
    assert service.run(), (seed, open_executions())
    assert service.violations() == [], seed
