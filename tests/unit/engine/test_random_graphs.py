"""Properties of every direct workflow, tried on random ones in random orders of events."""

from __future__ import annotations

import random
from dataclasses import dataclass

import yaml
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from tests.fakes import MemoryExecution
from workflows.engine.states import FINAL, UNFINISHED, State

EXAMPLES = 100
CLAUSES = ("on-success", "on-error", "on-complete")


@dataclass(frozen=True)
class Plan:
    """A workflow and how each of its actions ends."""

    text: str
    failing: frozenset[str]
    joins: frozenset[str]
    has_loop: bool


@st.composite
def plans(draw: st.DrawFn, *, loops: bool, once: bool = False) -> Plan:
    """With `once` no task is reached twice except joins, so the language promises one end."""
    size = draw(st.integers(2, 7))
    names = [f"t{number}" for number in range(size)]
    tasks: dict[str, dict[str, object]] = {}
    inbound: dict[str, set[str]] = {name: set() for name in names}
    reached: dict[str, int] = dict.fromkeys(names, 0)
    for position, name in enumerate(names):
        tasks[name] = {"action": "std.async_noop", "publish": {name: 1}}
        tasks[name]["publish-on-error"] = {name: 2}
        later = names[position + 1 :]
        for clause in CLAUSES:
            targets = (
                draw(st.lists(st.sampled_from(later), max_size=2, unique=True)) if later else []
            )
            if targets:
                tasks[name][clause] = list(targets)
                for target in targets:
                    inbound[target].add(name)
                    reached[target] += 1
    for name in names:
        if inbound[name]:
            kinds: list[object] = ["all", "one"]
            kinds += [] if once and reached[name] > 1 else [None]
            kinds += [len(inbound[name])] if len(inbound[name]) > 1 else []
            join = draw(st.sampled_from(kinds))
            if join is not None:
                tasks[name]["join"] = join
    has_loop = loops and draw(st.booleans())
    if has_loop:
        _add_loop(draw, names, tasks)
    failing = draw(st.sets(st.sampled_from(names)))
    joins = frozenset(name for name in names if "join" in tasks[name])
    text = yaml.safe_dump({"version": "2.0", "w": {"tasks": tasks}}, sort_keys=False)
    return Plan(text, frozenset(failing), joins, has_loop)


def _add_loop(draw: st.DrawFn, names: list[str], tasks: dict[str, dict[str, object]]) -> None:
    """Let a task lead back to an earlier one or itself, twice at most."""
    source = draw(st.sampled_from(names[1:]))
    target = draw(st.sampled_from(names[1 : names.index(source) + 1]))
    rounds = f"rounds_{source}"
    counted = f"<% $.get({rounds}, 0) + 1 %>"
    for clause in ("publish", "publish-on-error"):
        tasks[source][clause] = {source: 1, rounds: counted}
    existing = tasks[source].get("on-complete", [])
    assert isinstance(existing, list)
    tasks[source]["on-complete"] = [*existing, {target: f"<% $.{rounds} < 3 %>"}]


def play(plan: Plan, seed: int) -> MemoryExecution:
    """Run a plan; results come one by one in an order that the seed decides."""
    order = random.Random(seed)
    run = MemoryExecution(plan.text).start()
    for _ in range(500):
        running = [
            action for action in run.running() if run.tasks[action.task_id].state not in FINAL
        ]
        if not running:
            return run
        action = order.choice(running)
        name = run.tasks[action.task_id].name
        run.end_action(action, State.ERROR if name in plan.failing else State.SUCCESS, name)
    # Loops through forks multiply; such a run says nothing.
    return reject()


@settings(max_examples=EXAMPLES, deadline=None)
@given(plans(loops=False, once=True), st.integers(0, 1000), st.integers(0, 1000))
def test_the_order_of_events_does_not_change_the_end(plan: Plan, first: int, second: int) -> None:
    one, other = play(plan, first), play(plan, second)
    assert one.execution.state == other.execution.state
    assert sorted(map(_key, one.tasks.values())) == sorted(map(_key, other.tasks.values()))
    assert _variables(one) == _variables(other)


@settings(max_examples=EXAMPLES, deadline=None)
@given(plans(loops=True), st.integers(0, 1000))
def test_a_run_ends_and_leaves_no_task_behind(plan: Plan, seed: int) -> None:
    run = play(plan, seed)
    assert run.execution.state in (State.SUCCESS, State.ERROR)
    assert [task.name for task in run.tasks.values() if task.state in UNFINISHED] == []


@settings(max_examples=EXAMPLES, deadline=None)
@given(plans(loops=False), st.integers(0, 1000))
def test_a_join_runs_once(plan: Plan, seed: int) -> None:
    run = play(plan, seed)
    for name in plan.joins:
        joins = run.runs_of(name)
        assert len(joins) <= 1
        actions = [a for a in run.actions.values() if run.tasks[a.task_id].name == name]
        assert len(actions) <= 1


def _key(task: object) -> tuple[str, str]:
    return (task.name, str(task.state))  # type: ignore[attr-defined]


def _variables(run: MemoryExecution) -> dict[str, object]:
    output = run.execution.output
    assert isinstance(output, dict)
    return {name: value for name, value in output.items() if name != "result"}
