"""Results of jobs: kept for chords, which count their parts by them, and for nothing else."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend, SentinelBackend

from workflows.canvas import is_ringing


class _Quiet:
    """Does not listen for results of what we send: nobody waits for them.

    Celery does, from the moment in which a chord is sent for as long as the process lives, so each
    would cost memory here and in Redis for ever. Other code is heard as always.
    """

    def on_task_call(self, producer: Any, task_id: str) -> Any:
        return {} if is_ringing() else super().on_task_call(producer, task_id)  # type: ignore[misc]

    def add_pending_result(self, result: Any, *arguments: Any, **options: Any) -> Any:
        if is_ringing():
            return result
        return super().add_pending_result(result, *arguments, **options)  # type: ignore[misc]


class RedisResults(_Quiet, RedisBackend):
    """Celery's results in Redis, for senders that do not wait for them."""


class SentinelResults(_Quiet, SentinelBackend):
    """The same in a Redis that Sentinel looks after."""
