"""The actions that evaluate JavaScript, each time in a process of its own that has nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from workflows.actions.base import Action, ActionContext, ActionFailed
from workflows.actions.std.inputs import text
from workflows.jsontypes import JSONValue

_PROGRAM: Final = Path(__file__).with_name("javascript_process.py")
_SCRATCH: Final = "/"
_REASONS: Final = {
    "time": "it did not end within {seconds:g} seconds (LEVANTE_JAVASCRIPT_SECONDS)",
    "memory": "it needs more than {megabytes} megabytes (LEVANTE_JAVASCRIPT_MEGABYTES)",
    "size": "its result has more than {bytes} bytes (LEVANTE_MAX_FIELD_BYTES)",
}


class JavaScriptAction(Action):
    """Evaluates a script, which is the body of a function, and gives what it returns.

    `context` is what the script sees as `$`. The result is what JSON can say of the returned value;
    nothing returned is null. The script reaches no files, no network and no programs. Off until the
    operator switches it on.
    """

    name = "std.javascript"
    is_guarded = True

    # The author's `context` is not ours, so ours has another name here.
    def run(  # type: ignore[override]
        self, context_: ActionContext, /, script: JSONValue, context: JSONValue = None
    ) -> JSONValue:
        order = {
            "script": text("script", script),
            "context": context,
            "seconds": settings.LEVANTE_JAVASCRIPT_SECONDS,
            "megabytes": settings.LEVANTE_JAVASCRIPT_MEGABYTES,
            "bytes": settings.LEVANTE_MAX_FIELD_BYTES,
        }
        answer = _evaluate(json.dumps(order))
        if "result" in answer:
            result: JSONValue = json.loads(answer["result"])
            return result
        limits = {name: order[name] for name in ("seconds", "megabytes", "bytes")}
        reason = _REASONS.get(answer.get("limit", ""), "").format(**limits)
        raise ActionFailed(f"JavaScriptAction failed: {reason or answer.get('error')}")


class JSAction(JavaScriptAction):
    """The same as std.javascript: evaluates a script and gives what it returns.

    `context` is what the script sees as `$`. Off until the operator switches it on.
    """

    name = "std.js"


def _evaluate(order: str) -> dict[str, str]:
    """Have the order carried out by a process; it is gone when this returns or is interrupted."""
    seconds = settings.LEVANTE_JAVASCRIPT_SECONDS + settings.LEVANTE_JAVASCRIPT_START_SECONDS
    with subprocess.Popen(
        [sys.executable, "-I", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd=_SCRATCH,
        start_new_session=True,
    ) as process:
        try:
            written, _ = process.communicate(order.encode(), seconds)
        except subprocess.TimeoutExpired:
            return {"limit": "time"}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    try:
        answer: dict[str, str] = json.loads(written)
    except ValueError:  # it was ended by one of its limits
        return {"limit": "memory"}
    return answer
