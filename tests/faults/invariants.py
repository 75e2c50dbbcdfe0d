"""What has to hold when the faults are over: each check gives the violations that it finds."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID

import psycopg
import redis

from tests.faults.flows import Run
from tests.faults.ledger import Ledger
from workflows.engine.states import EXECUTION_CHANGES, TASK_CHANGES, State, is_allowed
from workflows.services.running.lost_work import LOST, STOPPED

FINAL: Final = ["SUCCESS", "ERROR", "CANCELLED", "SKIPPED"]
_OPEN_SQL: Final = "SELECT id FROM workflow_executions WHERE state <> ALL(%s)"
_ENDS_SQL: Final = """
    SELECT e.id, e.state, e.output,
           EXISTS (SELECT 1 FROM action_executions a
                   JOIN workflow_executions x ON x.id = a.execution_id
                   WHERE coalesce(x.root_execution_id, x.id) = e.id
                     AND a.output::jsonb ->> 'result' = ANY(%s)), e.state_info
    FROM workflow_executions e WHERE e.parent_task_id IS NULL
"""
_ACTIONS_SQL: Final = """
    SELECT id::text, state, is_safe_rerun, is_accepted, starts, output::jsonb ->> 'result'
    FROM action_executions WHERE name = 'test.effect'
"""
_TWICE_SQL: Final = {
    "two accepted results": """
        SELECT task_id, item_index FROM action_executions WHERE is_accepted AND task_id IS NOT NULL
        GROUP BY task_id, item_index HAVING count(*) > 1""",
    "a task started twice": """
        SELECT execution_id, name FROM task_executions
        GROUP BY execution_id, name HAVING count(*) > 1""",
    "a sub-workflow started twice": """
        SELECT parent_task_id, item_index FROM workflow_executions WHERE parent_task_id IS NOT NULL
        GROUP BY parent_task_id, item_index, round HAVING count(*) > 1""",
}
_LEFT_SQL: Final = {
    "an open task below an ended execution": """
        SELECT t.id FROM task_executions t JOIN workflow_executions e ON e.id = t.execution_id
        WHERE e.state = ANY(%s) AND t.state <> ALL(%s)""",
    "an open action below an ended execution": """
        SELECT a.id FROM action_executions a JOIN workflow_executions e ON e.id = a.execution_id
        WHERE e.state = ANY(%s) AND a.state <> ALL(%s) AND a.state <> 'IDLE'""",
    "an open sub-workflow below an ended execution": """
        SELECT c.id FROM workflow_executions c
        JOIN workflow_executions e ON e.id = c.parent_execution_id
        WHERE e.state = ANY(%s) AND c.state <> ALL(%s)""",
    "a timer of an ended execution": """
        SELECT m.id FROM timers m JOIN workflow_executions e ON e.id = m.execution_id
        WHERE e.state = ANY(%s) AND e.state = ANY(%s)""",
}
_OVERDUE_SQL: Final = """
    SELECT id FROM timers WHERE due_at < clock_timestamp() - interval '5 seconds'
"""
_HISTORY_SQL: Final = """
    SELECT execution_id, task_id, state_from, state_to FROM history_events
    WHERE action_id IS NULL ORDER BY id
"""
_SESSIONS_SQL: Final = """
    SELECT application_name, state, wait_event_type FROM pg_stat_activity
    WHERE usename = current_user AND pid <> pg_backend_pid() AND (
        (state LIKE 'idle in transaction%%' AND state_change < clock_timestamp() - interval '10 s')
        OR (wait_event_type = 'Lock' AND query_start < clock_timestamp() - interval '5 s'))
"""


# Of schedules that are due each second.
_FIRES_SQL: Final = """
    SELECT f.trigger_name, f.slot, f.slots, f.outcome, e.id IS NOT NULL
    FROM cron_fires f LEFT JOIN workflow_executions e ON e.id = f.execution_id
    WHERE NOT f.is_manual ORDER BY f.trigger_id, f.slot
"""
_UNKNOWN_TICKS_SQL: Final = """
    SELECT e.id FROM workflow_executions e WHERE e.workflow_name = 'tick'
    AND NOT EXISTS (SELECT 1 FROM cron_fires f WHERE f.execution_id = e.id)
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the checks look at."""

    database: psycopg.Connection
    broker: redis.Redis
    ledger: Ledger
    accepted: Mapping[UUID, Run]


Check: TypeAlias = Callable[[Facts], Iterator[str]]


def everything_has_ended(facts: Facts) -> Iterator[str]:
    """I1: every accepted execution is final."""
    known = {row[0] for row in facts.database.execute("SELECT id FROM workflow_executions")}
    yield from (f"{one} is forgotten" for one in facts.accepted if one not in known)
    yield from (f"{row[0]} is open" for row in facts.database.execute(_OPEN_SQL, [FINAL]))


def unsafe_steps_start_once(facts: Facts) -> Iterator[str]:
    """I2: an unsafe attempt starts once at most, a safe one that succeeded once at least.

    No claim is ever used twice, and none was made without being counted.
    """
    for action_id, state, is_safe, _, starts, _ in facts.database.execute(_ACTIONS_SQL):
        seen = facts.ledger.starts[action_id]
        if not is_safe and seen > 1:
            yield f"the unsafe action {action_id} started {seen} times"
        if seen > starts or seen != len(facts.ledger.tokens[action_id]):
            yield f"the action {action_id} started {seen} times with {starts} claims"
        if state == "SUCCESS" and not facts.ledger.ends[action_id]:
            yield f"the action {action_id} succeeded without having run"


def results_count_once(facts: Facts) -> Iterator[str]:
    """I3: one accepted result for each task and item; joins and successors start once."""
    for name, sql in _TWICE_SQL.items():
        yield from (f"{name}: {row}" for row in facts.database.execute(sql))


def ends_are_the_expected_ones(facts: Facts) -> Iterator[str]:
    """I4: the output is the oracle's, or an action was lost and the execution is in ERROR."""
    for id, state, output, has_lost, info in facts.database.execute(_ENDS_SQL, [[LOST, STOPPED]]):
        run = facts.accepted.get(id)
        # The answer to a start may have been lost and never asked for again.
        if run is not None and not run.allows(state, output, has_lost=has_lost):
            yield f"{run.workflow} {id} is {state} with {output}: {str(info)[:200]}"


def nothing_is_left_open(facts: Facts) -> Iterator[str]:
    """I5: nothing is open below what has ended, and no timer is overdue."""
    for name, sql in _LEFT_SQL.items():
        yield from (f"{name}: {row[0]}" for row in facts.database.execute(sql, [FINAL, FINAL]))
    yield from (f"overdue timer {row[0]}" for row in facts.database.execute(_OVERDUE_SQL))


def changes_are_allowed(facts: Facts) -> Iterator[str]:
    """I6: each recorded change of state is allowed, and starts where the one before it ended."""
    last: dict[tuple[UUID, UUID | None], str] = defaultdict(str)
    for execution_id, task_id, before, after in facts.database.execute(_HISTORY_SQL):
        key = (execution_id, task_id)
        if last[key] and last[key] != before:
            yield f"{key} was {last[key]}, and changes from {before} to {after}"
        last[key] = after
        changes = EXECUTION_CHANGES if task_id is None else TASK_CHANGES
        if before and not is_allowed(changes, State(before), State(after)):
            yield f"{key} changes from {before} to {after}"


def no_session_is_stuck(facts: Facts) -> Iterator[str]:
    """I7: no session sits in a transaction or waits for a lock."""
    yield from (f"session {row}" for row in facts.database.execute(_SESSIONS_SQL))


def queues_are_empty(facts: Facts) -> Iterator[str]:
    """I8: the broker holds no message, neither waiting nor taken."""
    for name in ("actions", "engine", "celery"):
        length = facts.broker.llen(name)
        if length:
            yield f"{length} messages in the queue {name}"
    # What a process with a clock ahead has taken and not finished comes back by that clock.
    if taken := facts.broker.zcount("unacked_index", "-inf", time.time()):
        yield f"{taken} messages that nobody acknowledges"


def slots_are_run_or_counted_once(facts: Facts) -> Iterator[str]:
    """I9: each slot of a schedule is run once, or counted as missed."""
    due: dict[str, datetime] = {}
    for name, slot, slots, outcome, has_run in facts.database.execute(_FIRES_SQL):
        if slot != due.get(name, slot):
            yield f"the schedule {name} goes on with {slot}, and {due[name]} was due"
        if outcome not in ("started", "skipped") or has_run != (outcome == "started"):
            yield f"the slot {slot} of {name} is {outcome}, with an execution: {has_run}"
        due[name] = slot + timedelta(seconds=slots)
    for (execution_id,) in facts.database.execute(_UNKNOWN_TICKS_SQL):
        yield f"{execution_id} was started for no slot"


CHECKS: Final[tuple[Check, ...]] = (
    everything_has_ended,
    unsafe_steps_start_once,
    results_count_once,
    ends_are_the_expected_ones,
    nothing_is_left_open,
    changes_are_allowed,
    no_session_is_stuck,
    queues_are_empty,
    slots_are_run_or_counted_once,
)
# What may hold a moment later than the last execution ended.
SETTLING: Final = frozenset({no_session_is_stuck, queues_are_empty, nothing_is_left_open})


def find_violations(facts: Facts, check: Check) -> list[str]:
    """Give the first violations of one check, with its name."""
    found: list[Any] = [f"{check.__name__}: {text}" for text in check(facts)]
    return [str(one) for one in found[:10]]
