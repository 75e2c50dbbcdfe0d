"""What a process under faults can do beside its work: test actions, lost rings, a wrong clock."""

from __future__ import annotations

import os
import random
import re
import resource
import signal
import sys
import time
from typing import Any

from celery import Signature
from django.utils import timezone

from tests.faults import ledger
from workflows import canvas
from workflows.actions import registry
from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.jsontypes import JSONValue
from workflows.services.running.process import this_process


def add_actions() -> None:
    """Let workflows call the actions of this module."""
    registry.BUILT_IN = (*registry.BUILT_IN, EffectAction)
    registry._registered.cache_clear()


class EffectAction(Action):
    """Does something to the world that cannot be undone, and returns `value`.

    `fails` of its runs in one task fail first; `die` is how it takes its process with it.
    """

    name = "test.effect"

    def run(
        self,
        context: ActionContext,
        value: JSONValue = None,
        seconds: float = 0.02,
        fails: int = 0,
        die: str = "",
        size: int = 0,
    ) -> JSONValue:
        attempt = this_process().attempt
        token = attempt.token if attempt else None
        ledger.note("start", context.action_execution_id, token, context.task_name or "")
        time.sleep(seconds)
        if die:
            _die(die, str(context.action_execution_id))
        if fails and ledger.count_up(str(context.task_execution_id)) <= fails:
            raise ActionFailed("not yet")
        ledger.note("end", context.action_execution_id, token)
        return "x" * size if size else value


def _die(how: str, name: str) -> None:
    if how == "always" or (how == "once" and ledger.count_up(name) == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "memory":
        before = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(open("/proc/self/statm").read().split()[0])  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_AS, (pages * 4096 + 100_000_000, before[1]))
        try:
            bytearray(1_000_000_000)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)
    if how == "hang":
        # Holds the interpreter, so no thread of this process can do anything about it.
        re.match("(a+)+$", "a" * 60 + "!")


def lose_rings(share: float) -> None:
    """Lose a share of what is sent, send some of it late and some of it twice, in any order."""
    build = canvas.build
    fate = random.Random()

    def build_badly(work: canvas.Work) -> list[Signature]:
        kept: list[Signature] = []
        for signature in build(work):
            luck = fate.random()
            if luck < share:
                continue
            is_late = luck < share + 0.1
            late = {"countdown": fate.uniform(0.1, 3)} if is_late else {}
            kept += [signature.clone().set(**late)] * (2 if luck > 0.9 else 1)
        fate.shuffle(kept)
        return kept

    canvas.build = build_badly


def set_clock_wrong(seconds: float) -> None:
    """Make this process believe in another time of day."""
    right, right_now = time.time, timezone.now

    def wrong() -> float:
        return right() + seconds

    def wrong_now() -> Any:
        return right_now() + timezone.timedelta(seconds=seconds)

    time.time, timezone.now = wrong, wrong_now
    for name in ("kombu.transport.redis", "kombu.transport.virtual.base", "celery.worker.consumer"):
        module = sys.modules.get(name)
        if module is not None and getattr(module, "time", None) is right:
            module.time = wrong  # type: ignore[attr-defined]
