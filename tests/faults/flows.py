"""The workflows that run under faults, and what each of them has to come to.

The expected ends are computed here in plain Python from the input alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from workflows.services.running.lost_work import LOST

LIMIT: Final = 200_000  # LEVANTE_MAX_FIELD_BYTES of the processes under faults

_CHAIN: Final = "\n".join(
    f"    s{step}: {{action: 'test.effect value=<% $.get(total, 0) + $.n[{step}] %>',"
    f" publish: {{total: <% task().result %>}}{'' if step == 7 else f', on-success: s{step + 1}'}}}"
    for step in range(8)
)
TEXT: Final = """
version: '2.0'

chain:
  input: [n]
  output: {total: <% $.total %>}
  task-defaults: {safe-rerun: true}
  tasks:
CHAIN

fork:
  input: [n]
  output: {total: <% $.a + $.b + $.c + $.d %>}
  tasks:
    a:
      action: test.effect value=<% $.n[0] %>
      publish: {a: <% task().result %>}
      on-success: all
    b:
      action: test.effect value=<% $.n[1] %>
      publish: {b: <% task().result %>}
      on-success: all
    c:
      action: test.effect value=<% $.n[2] %>
      publish: {c: <% task().result %>}
      on-success: all
    d:
      action: test.effect value=<% $.n[3] %>
      publish: {d: <% task().result %>}
      on-success: all
    all: {join: all, action: test.effect, on-success: [e, f]}
    e: {action: test.effect}
    f: {action: test.effect}

items:
  input: [n]
  output: {all: <% task(each).result %>}
  tasks:
    each:
      with-items: i in <% $.n %>
      concurrency: 3
      action: test.effect value=<% $.i * 2 %>
      safe-rerun: true

many:
  input: [count]
  output: {sum: <% task(each).result.sum() %>}
  tasks:
    each:
      with-items: i in <% range($.count) %>
      action: test.effect value=<% $.i %> seconds=0
      safe-rerun: true

nest:
  input: [n]
  output: {all: <% task(each).result.select($.total) %>}
  tasks:
    each: {with-items: i in <% $.n %>, workflow: leaf n=<% $.i %>}

leaf:
  input: [n]
  output: {total: <% $.x + $.y %>}
  task-defaults: {safe-rerun: true}
  tasks:
    x: {action: 'test.effect value=<% $.n %>', publish: {x: <% task().result %>}, on-success: y}
    y: {action: test.effect value=1, publish: {y: <% task().result %>}}

again:
  input: [n]
  output: {value: <% task(act).result %>}
  tasks:
    act:
      action: test.effect value=<% $.n %> fails=2
      retry: {count: 6, delay: 0}

delays:
  output: {late: <% $.late %>}
  tasks:
    first: {action: test.effect, safe-rerun: true, wait-before: 1, wait-after: 1, on-success: slow}
    slow: {action: test.effect seconds=30, timeout: 1, on-error: last}
    last:
      action: test.effect value=true
      safe-rerun: true
      publish: {late: <% task().result %>}

asks:
  output: {answer: <% task(ask).result %>}
  tasks:
    ask: {action: std.async_noop, on-success: after}
    after: {action: test.effect, safe-rerun: true}

poison:
  output: {text: <% task(act).result %>}
  tasks:
    act: {action: test.effect die=always, safe-rerun: true, on-error: noop}

stumble:
  output: {value: <% task(act).result %>}
  tasks:
    act: {action: test.effect value=1 die=once, safe-rerun: true}

memory:
  output: {text: <% task(act).result %>}
  tasks:
    act: {action: test.effect die=memory, on-error: noop}

hang:
  output: {is_over: true}
  tasks:
    act: {action: test.effect die=hang, timeout: 1, on-error: noop}

tick:
  tasks:
    act: {action: std.noop}

large:
  input: [size]
  output: {is_over: true}
  tasks:
    act: {action: 'test.effect size=<% $.size %>', on-success: noop}

computed:
  input: [n]
  output: {total: <% $.sum %>}
  tasks:
    one:
      action: std.echo output=<% $.n[0] %>
      publish: {one: <% task().result %>}
      on-success: add
    two:
      action: std.echo output=<% $.n[1] %>
      publish: {two: <% task().result %>}
      on-success: add
    add: {join: all, action: std.noop, publish: {sum: <% $.one + $.two %>}}

stopped:
  output: {is_over: true}
  task-defaults: {safe-rerun: true}
  tasks:
    a: {action: test.effect seconds=0.3, on-success: b}
    b: {action: test.effect seconds=0.3, on-success: c}
    c: {action: test.effect seconds=0.3}
""".replace("CHAIN", _CHAIN)


@dataclass(frozen=True)
class Run:
    """One execution to start: its workflow and input, and how it has to end without faults.

    `ask` is what a client does to it on its way. ERROR is allowed if one of its actions was lost.
    """

    workflow: str
    input: dict[str, Any] = field(default_factory=dict)
    output: Any = None
    state: str = "SUCCESS"
    ask: str = ""

    def allows(self, state: str, output: Any, *, has_lost: bool) -> bool:
        """Tell whether an execution of this run may end like that."""
        if self.ask == "cancel" and state == "CANCELLED":
            return True
        if state == self.state:
            return state != "SUCCESS" or self.output is None or output == self.output
        return has_lost and state == "ERROR"


def _numbers(fate: random.Random, count: int) -> list[int]:
    return [fate.randrange(100) for _ in range(count)]


def _chain(fate: random.Random) -> Run:
    n = _numbers(fate, 8)
    return Run("chain", {"n": n}, {"total": sum(n)})


def _fork(fate: random.Random) -> Run:
    n = _numbers(fate, 4)
    return Run("fork", {"n": n}, {"total": sum(n)})


def _items(fate: random.Random) -> Run:
    n = _numbers(fate, 10)
    return Run("items", {"n": n}, {"all": [2 * one for one in n]})


def _nest(fate: random.Random) -> Run:
    n = _numbers(fate, 3)
    return Run("nest", {"n": n}, {"all": [one + 1 for one in n]})


def _again(fate: random.Random) -> Run:
    n = fate.randrange(100)
    return Run("again", {"n": n}, {"value": n})


def _computed(fate: random.Random) -> Run:
    n = _numbers(fate, 2)
    return Run("computed", {"n": n}, {"total": sum(n)})


def _stopped(fate: random.Random) -> Run:
    return Run("stopped", {}, {"is_over": True}, ask=fate.choice(["cancel", "pause"]))


COMMON: Final[tuple[Callable[[random.Random], Run], ...]] = (
    *(_chain, _fork, _items, _nest, _again, _computed, _stopped),
    lambda fate: Run("delays", {}, {"late": True}),
    lambda fate: Run("asks", {}, {"answer": {"given": True}}),
)
# Each of these happens at least once in a round.
RARE: Final = (
    Run("poison", {}, {"text": LOST}),
    Run("stumble", {}, {"value": 1}),
    Run("memory", {}, None),
    Run("hang", {}, {"is_over": True}),
    Run("large", {"size": LIMIT - 2_000}, {"is_over": True}),
    Run("large", {"size": LIMIT + 1}, state="ERROR"),
    Run("large", {"size": 50_000_000}, state="ERROR"),
)


def make_runs(fate: random.Random, count: int, *, many_items: int) -> list[Run]:
    """Mix `count` runs: all the rare ones, one with many items, and the common ones at random."""
    many = Run("many", {"count": many_items}, {"sum": sum(range(many_items))})
    runs = [*RARE, many]
    runs += [fate.choice(COMMON)(fate) for _ in range(max(count - len(runs), 0))]
    fate.shuffle(runs)
    return runs
