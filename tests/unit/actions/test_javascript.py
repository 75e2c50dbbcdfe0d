"""The actions std.javascript and std.js: what they give, and what a script cannot do."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workflows.actions.base import ActionContext, Outcome, parameters, perform_action
from workflows.actions.registry import find_action, summarize_input
from workflows.actions.std.javascript import JavaScriptAction
from workflows.services.running.process import Interrupted

pytestmark = pytest.mark.usefixtures("switched_on")


@pytest.fixture
def switched_on(settings: Any) -> None:
    settings.LEVANTE_ENABLED_ACTIONS = ["std.javascript", "std.js"]


def run(script: Any, context: Any = None, name: str = "std.javascript") -> Outcome:
    action = find_action(name)
    assert action is not None
    return perform_action(action, ActionContext(), {"script": script, "context": context})


def error(script: str) -> str:
    outcome = run(script)
    assert not outcome.is_success, outcome.result
    return str(outcome.result)


@pytest.mark.parametrize("name", ["std.javascript", "std.js"])
def test_the_script_is_the_body_of_a_function_that_sees_its_context(name: str) -> None:
    script = "let sum = 0; for (const x of $.numbers) sum += x; return {sum: sum, who: $['who']}"
    outcome = run(script, {"numbers": [1, 2.5], "who": "Zoë \u2028"}, name)
    assert outcome == Outcome(is_success=True, result={"sum": 3.5, "who": "Zoë \u2028"})


def test_its_parameters_are_those_of_mistral() -> None:
    assert summarize_input(parameters(JavaScriptAction())) == "script, context=null"


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ("let unused = 1", None),
        ("return undefined", None),
        ("return $", None),
        ("return [1, undefined, () => 1, NaN]", [1, None, None, None]),
        ("return new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("return 'a'", "a"),
        ("return 0.1 + 0.2", 0.30000000000000004),
        ("JSON.stringify = () => '5'; return 1", 1),
    ],
)
def test_the_result_is_what_json_can_say_of_it(script: str, result: Any) -> None:
    assert run(script) == Outcome(is_success=True, result=result)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("throw new Error('no box')", "Error: no box"),
        ("return x.y", "ReferenceError: x is not defined"),
        ("syntax error", "SyntaxError: Unexpected identifier 'error'"),
        ("return 1n", "TypeError: Do not know how to serialize a BigInt"),
        ("const a = {}; a.a = a; return a", "TypeError: Converting circular structure to JSON"),
        ("return (function f() { return f() })()", "RangeError: Maximum call stack size exceeded"),
    ],
)
def test_an_error_of_the_script_is_one_of_the_action(script: str, reason: str) -> None:
    assert error(script).startswith(f"JavaScriptAction failed: {reason}")


def test_a_script_that_is_no_text_is_refused() -> None:
    assert run(5).result == "'script' must be a text."


# --- limits


@pytest.mark.parametrize(
    "script",
    [
        "while (true) {}",
        "return /(a+)+$/.test('a'.repeat(60) + '!')",
        "return {toJSON() { while (true) {} }}",
        "Object.prototype.toJSON = function () { while (true) {} }; return {}",
    ],
)
def test_a_script_without_end_is_ended(settings: Any, script: str) -> None:
    settings.LEVANTE_JAVASCRIPT_SECONDS = 0.3
    started = time.monotonic()
    assert error(script) == (
        "JavaScriptAction failed: it did not end within 0.3 seconds (LEVANTE_JAVASCRIPT_SECONDS)"
    )
    assert time.monotonic() - started < 8


@pytest.mark.parametrize(
    "script",
    [
        "const all = []; while (true) all.push(new Array(100000).fill(1.5))",
        "const all = []; while (true) all.push(new Uint8Array(10000000).fill(1))",
        "return new ArrayBuffer(10000000000)",
        "let s = 'a'; while (true) s += s",
        "const all = {}; for (let i = 0; ; i++) all['k' + i] = 'x'.repeat(1000) + i",
    ],
)
def test_a_script_that_wants_all_memory_is_ended(script: str) -> None:
    text = error(script)
    assert any(
        reason in text for reason in ("more than 64 megabytes", "allocation failed", "Invalid str")
    ), text


def test_a_result_has_a_limit(settings: Any) -> None:
    settings.LEVANTE_MAX_FIELD_BYTES = 1_000
    assert error("return 'x'.repeat(1000)") == (
        "JavaScriptAction failed: its result has more than 1000 bytes (LEVANTE_MAX_FIELD_BYTES)"
    )
    assert run("return 'x'.repeat(900)").is_success


# --- what is around it


@pytest.mark.parametrize(
    "name",
    ["process", "require", "module", "Deno", "fetch", "XMLHttpRequest", "WebSocket", "load"],
)
def test_nothing_of_the_machine_is_there(name: str) -> None:
    assert run(f"return typeof {name}").result == "undefined"


def test_it_does_not_import() -> None:
    assert "SyntaxError" in error("import fs from 'fs'; return 1")
    assert run("let e; import('fs').catch(x => { e = x }); return typeof e").result == "undefined"


def test_a_script_cannot_break_out_of_its_function() -> None:
    """And nothing would be gained: around it is the same empty world."""
    assert "SyntaxError" in error("} ); globalThis.x = 1; (function () {")


@pytest.fixture
def processes() -> Iterator[list[int]]:
    """The processes of scripts, as they are seen while one runs."""
    found: list[int] = []
    has_ended = threading.Event()

    def look() -> None:
        while not has_ended.wait(0.02):
            found.extend(pid for pid in children() if pid not in found)

    thread = threading.Thread(target=look)
    thread.start()
    yield found
    has_ended.set()
    thread.join()


def children() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue
            if b"javascript_process" in command and int(parent) == os.getpid():
                found.append(int(entry.name))
    return found


def test_its_process_has_no_environment_no_files_and_no_rights(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    settings.LEVANTE_JAVASCRIPT_SECONDS = 1.5
    seen: dict[str, str] = {}

    def look() -> None:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for pid in children():
                limits = Path(f"/proc/{pid}/limits").read_text()
                if "Max open files            0" in limits:
                    seen["limits"] = limits
                    seen["environment"] = Path(f"/proc/{pid}/environ").read_text()
                    seen["status"] = Path(f"/proc/{pid}/status").read_text()
                    return
            time.sleep(0.02)

    thread = threading.Thread(target=look)
    thread.start()
    error("while (true) {}")
    thread.join()
    assert "secret" not in seen["environment"]
    (uids,) = [line.split()[1:] for line in seen["status"].splitlines() if line[:4] == "Uid:"]
    assert "0" not in uids
    for limit in ("Max open files", "Max file size", "Max core file size"):
        (values,) = [line for line in seen["limits"].splitlines() if line.startswith(limit)]
        assert values.removeprefix(limit).split()[:2] == ["0", "0"]


def test_an_interrupted_action_leaves_no_process(processes: list[int]) -> None:
    def interrupt(number: int, frame: object) -> None:
        raise Interrupted("no longer wanted")

    before = signal.signal(signal.SIGUSR2, interrupt)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(1.0, signal.pthread_kill, (main, signal.SIGUSR2))
    timer.start()
    started = time.monotonic()
    try:
        with pytest.raises(Interrupted):
            run("while (true) {}")
    finally:
        timer.join()
        signal.signal(signal.SIGUSR2, before)
    assert time.monotonic() - started < 4
    assert processes
    assert children() == []


def test_it_is_off_by_default(settings: Any) -> None:
    settings.LEVANTE_ENABLED_ACTIONS = []
    assert "LEVANTE_ENABLED_ACTIONS=std.javascript" in error("return 1")
