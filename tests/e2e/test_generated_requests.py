"""Requests generated from the published description: no fault of the server, nothing undescribed.

A few for each operation here; `make fuzz` sends thousands.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.live import LiveStack

pytestmark = pytest.mark.e2e

# Requests at most for each operation.
EXAMPLES: Final = int(os.environ.get("FUZZ_EXAMPLES", "2"))
# Requests that have to be sent at least.
FEWEST: Final = 2_000 if EXAMPLES >= 20 else 100
SEED: Final = os.environ.get("FUZZ_SEED", "1")
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LiveStack]:
    options = ("--no-auth", "--no-examples", "--workers", "2")
    stack = LiveStack(tmp_path, options, settings={"LEVANTE_DYNAMIC_ACTIONS": "true"}).start()
    try:
        yield stack
    finally:
        stack.stop()


def test_whatever_is_sent_the_answer_is_described(stack: LiveStack, tmp_path: Path) -> None:
    report = tmp_path / "report.ndjson"
    phases = PHASES if EXAMPLES >= 20 else ("examples", "fuzzing")
    finished = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            "run",
            stack.url.removesuffix("/v2") + "/api/schema",
            *("--checks", ",".join(CHECKS), "--phases", ",".join(phases)),
            *("--max-examples", str(EXAMPLES), "--seed", SEED, "--no-shrink"),
            *("--continue-on-failure", "--request-timeout", "30", "--warnings", "off"),
            *("--report", "ndjson", "--report-ndjson-path", str(report)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert finished.returncode == 0, finished.stdout[-8000:]
    statuses = Counter(re.findall(r'"status_code": ?(\d+)', report.read_text()))
    print(json.dumps(statuses))  # noqa: T201 - the figures of `make fuzz`
    assert statuses.total() >= FEWEST
    assert statuses["200"] > statuses.total() / 10
    assert statuses["201"]
    assert not [status for status in statuses if status >= "500"]
