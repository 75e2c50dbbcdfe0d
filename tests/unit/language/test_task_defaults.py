"""What a task inherits from task-defaults, and what its own keys override."""

from __future__ import annotations

import pytest

from workflows.language.parser import parse_workflows
from workflows.language.specs import Clause, PolicySpecs, Publish, RetrySpec, TaskSpec, Transition


def tasks_of(text: str) -> dict[str, TaskSpec]:
    (spec,) = parse_workflows(text).workflows.values()
    return dict(spec.tasks)


def test_clauses_are_inherited_one_by_one() -> None:
    tasks = tasks_of("""
        version: '2.0'
        w:
          task-defaults: {on-success: end, on-error: [repair, fail], on-skip: end}
          tasks:
            a: {on-success: [b: <% false %>]}
            b: {on-error: noop}
            end: {action: std.noop}
            repair: {on-success: noop}
        """)

    assert tasks["a"].on_success == Clause((Transition("b", "<% false %>"),))
    assert [way.target for way in tasks["a"].on_error.next] == ["repair", "fail"]
    assert tasks["b"].on_success == Clause((Transition("end"),))
    assert [way.target for way in tasks["b"].on_error.next] == ["noop"]
    assert tasks["b"].on_complete is None


def test_a_default_never_applies_to_its_own_target() -> None:
    tasks = tasks_of("""
        version: '2.0'
        w:
          task-defaults:
            on-success: end
            on-error: {publish: {global: {failed: true}}, next: [end, repair]}
          tasks:
            a: {action: std.noop}
            end: {action: std.noop}
            repair: {on-success: noop}
        """)

    assert tasks["end"].on_success is None
    assert tasks["end"].on_error == Clause(
        (Transition("repair"),), Publish(global_={"failed": True})
    )
    assert [way.target for way in tasks["repair"].on_error.next] == ["end"]


def test_an_own_clause_that_only_publishes_keeps_the_ways_of_the_default() -> None:
    tasks = tasks_of("""
        version: '2.0'
        w:
          task-defaults:
            on-success: {publish: {branch: {x: default}}, next: end}
          tasks:
            a: {on-success: {publish: {branch: {x: own}}}}
            b: {action: std.noop}
            end: {action: std.noop}
        """)

    assert tasks["a"].on_success == Clause((Transition("end"),), Publish({"x": "own"}))
    assert tasks["b"].on_success == Clause((Transition("end"),), Publish({"x": "default"}))


def test_policies_are_inherited_and_explicit_false_and_zero_override() -> None:
    tasks = tasks_of("""
        version: '2.0'
        w:
          task-defaults:
            pause-before: true
            fail-on: <% $.x %>
            wait-before: 1
            wait-after: 2
            timeout: 30
            concurrency: 4
            safe-rerun: true
            retry: {count: 3, delay: 1, break-on: <% $.stop %>}
          tasks:
            a: {action: std.noop}
            b:
              pause-before: false
              fail-on: false
              wait-before: 0
              wait-after: 0
              timeout: 3.0
              safe-rerun: false
              retry: count=0 delay=0
        """)

    assert tasks["a"].policies == PolicySpecs(
        pause_before=True,
        wait_before=1,
        wait_after=2,
        fail_on="<% $.x %>",
        retry=RetrySpec(3, 1, break_on="<% $.stop %>"),
        timeout=30,
        concurrency=4,
    )
    assert tasks["b"].policies == PolicySpecs(
        pause_before=False,
        wait_before=0,
        wait_after=0,
        fail_on=False,
        retry=RetrySpec(0, 0),
        timeout=3,
        concurrency=4,
    )
    assert (tasks["a"].safe_rerun, tasks["b"].safe_rerun) == (True, False)


def test_requires_are_united_and_a_task_does_not_require_itself() -> None:
    tasks = tasks_of("""
        version: '2.0'
        w:
          type: reverse
          task-defaults: {requires: [log_in]}
          tasks:
            log_in: {action: std.noop}
            delete: {requires: find}
            find: {requires: [find, log_in]}
        """)

    assert tasks["log_in"].requires == ()
    assert tasks["delete"].requires == ("find", "log_in")
    assert tasks["find"].requires == ("log_in",)


@pytest.mark.parametrize("entry", ["description: x", "name: x", "tags: [a]", "version: '2.0'"])
def test_what_has_no_effect_in_task_defaults_is_a_warning(entry: str) -> None:
    tasks = "tasks: {a: {action: std.noop}}"
    text = f"version: '2.0'\nw:\n  task-defaults: {{{entry}}}\n  {tasks}\n"
    (warning,) = parse_workflows(text).warnings
    assert "has no effect in task-defaults" in warning.message
