"""The Celery application of somebody else, which knows nothing of the service."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from celery import Celery, Task

app = Celery("shop", broker=os.environ["SHOP_REDIS"], backend=os.environ["SHOP_REDIS"])
# A worker that dies gives its task back, as a shop that cares for its orders has it.
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True, worker_prefetch_multiplier=1)
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_hijack_root_logger = False


@app.task(name="shop.pack")
def pack(order: int, seconds: float = 0.0, note: str = "") -> dict[str, Any]:
    if note:
        Path(note).write_text(str(os.getpid()))
    time.sleep(seconds)
    return {"order": order, "queue": os.environ["SHOP_QUEUE"]}


@app.task(name="shop.refuse")
def refuse(order: int) -> None:
    raise ValueError(f"no order {order}")


@app.task(name="shop.forget", ignore_result=True)
def forget(order: int) -> int:
    return order


@app.task(name="shop.stumble", bind=True, max_retries=2)
def stumble(self: Task[Any, Any], order: int) -> str:
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return f"order {order} at try {self.request.retries + 1}"
