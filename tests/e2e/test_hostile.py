"""What is written to break the server ends with a clean error, and the server goes on."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest
import requests

from tests.live import LiveStack

pytestmark = pytest.mark.e2e

# One of each kind that a library alone does not stop; the others are tests of expressions.
EXPRESSIONS: Final = [
    "{{ 9 ** (9 ** 9) }}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{{ [1, 2, 3] | join('a' * 100000000) }}",
    "{{ ''.__class__.__mro__ }}",
    "{{ lipsum.__globals__ }}",
    "<% sequence().len() %>",
    "<% range(99999).select(range(99999).len()).len() %>",
    "<% pow(9, pow(9, 9)) %>",
    "<% [0] * 2000000000 %>",
    "<% regex('(a+)+$').matches('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!') %>",
    "<% shiftBitsLeft(1, 10000000000) %>",
]
BOMB: Final = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}, *{old}, *{old}, *{old}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
DOCUMENTS: Final = {
    "aliases": BOMB,
    "depth": "[" * 10_000,
    "many lists": "version: '2.0'\nx: " + "[" * 1000 + "]" * 1000,
    "merge keys": "version: '2.0'\nx: {<<: {a: 1}, tasks: {a: {action: std.noop}}}",
    "tags": "version: '2.0'\nx: !!python/object/apply:os.system ['true']",
    "binary": "version: '2.0'\nx: !!binary aGVsbG8=",
    "set": "version: '2.0'\nx: !!set {a, b}",
    "long number": "version: '2.0'\nx: {tasks: {a: {timeout: " + "9" * 5000 + "}}}",
    "not a number": "version: '2.0'\nx: {tasks: {a: {timeout: .nan}}}",
    "no text": "\x00\x01",
    "parentheses": "version: '2.0'\nx: {tasks: {a: {publish: {b: '<% " + "(" * 5000 + " %>'}}}}",
    "too long": "version: '2.0'\n# " + "x" * 1_100_000,
}


def send(stack: LiveStack, path: str, body: Any) -> requests.Response:
    url = f"{stack.url}/{path}"
    if isinstance(body, str):
        return requests.post(url, data=body.encode(), timeout=60)
    return requests.post(url, json=body, timeout=60)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("path", ["workflows", "workflows/validate"])
def test_a_hostile_document_is_refused(name: str, path: str, live: LiveStack) -> None:
    begin = time.monotonic()
    answer = send(live, path, DOCUMENTS[name])
    assert time.monotonic() - begin < 30
    assert answer.status_code < 500, answer.text
    assert answer.status_code >= 400 or answer.json()["valid"] is False
    assert "Traceback" not in answer.text


def test_hostile_expressions_end_in_error_and_others_go_on(live: LiveStack) -> None:
    expressions: dict[str, str] = {}
    for number, expression in enumerate(EXPRESSIONS):
        text = (
            f"version: '2.0'\nhostile_{number}:\n  tasks:\n    act:\n      action: std.noop\n"
            f'      publish:\n        x: "{expression}"\n'
        )
        answer = send(live, "workflows", text)
        if answer.status_code == 400:
            continue  # refused before it is ever evaluated
        assert answer.status_code == 201, answer.text
        answer = send(live, "executions", {"workflow_name": f"hostile_{number}"})
        assert answer.status_code == 201, answer.text
        expressions[answer.json()["id"]] = expression
    assert len(expressions) >= 6
    for execution_id in expressions:
        execution = _wait(live, execution_id)
        # A search for a regular expression may also end in time, without a match.
        allowed = ("ERROR", "SUCCESS") if "regex" in expressions[execution_id] else ("ERROR",)
        assert execution["state"] in allowed, expressions[execution_id]
        assert "Traceback" not in (execution["state_info"] or "")
    text = "version: '2.0'\nafterwards: {tasks: {a: {action: std.sleep seconds=0}}}"
    assert send(live, "workflows", text).ok
    last = send(live, "executions", {"workflow_name": "afterwards"}).json()["id"]
    assert _wait(live, last)["state"] == "SUCCESS"


def _wait(live: LiveStack, execution_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while True:
        url = f"{live.url}/executions/{execution_id}"
        execution: dict[str, Any] = requests.get(url, timeout=60).json()
        if execution["state"] != "RUNNING":
            return execution
        assert time.monotonic() < deadline, f"{execution['workflow_name']} is stuck"
        time.sleep(0.2)
