"""A whole running service, and the outcome of all recorded cases against it."""

from __future__ import annotations

import concurrent.futures
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.conformance.conformance import Client, run, settle
from tests.live import LiveStack

CASES: Final = Path(__file__).parent / "cases"
# Most cases wait, so many run side by side.
PARALLEL_CASES: Final = 8


@dataclass
class CaseOutcome:
    """What a case expects and what it saw; `error` if it could not be carried out."""

    expected: Any
    seen: Any
    error: str | None


@pytest.fixture(scope="session")
def outcome_of(live: LiveStack, request: pytest.FixtureRequest) -> Callable[[Path], CaseOutcome]:
    """Run all cases that were collected, side by side, and give the outcome of each."""
    wanted = [
        item.callspec.params["case"]
        for item in request.session.items
        if hasattr(item, "callspec") and "case" in item.callspec.params
    ]
    pool = concurrent.futures.ThreadPoolExecutor(PARALLEL_CASES)
    running = {case: pool.submit(_run_case, live.url, case) for case in wanted}
    return lambda case: running[case].result()


def _run_case(url: str, case: Path) -> CaseOutcome:
    expected = yaml.safe_load(case.read_text()).get("expect")
    client = Client(url)
    # Other threads change the environment, which it would read for each request.
    client.http.trust_env = False
    try:
        seen = run(client, case)
    except Exception as error:
        return CaseOutcome(expected, None, f"{type(error).__name__}: {error}")
    return CaseOutcome(settle(expected), settle(json.loads(json.dumps(seen))), None)
