"""Every recorded case of the workflow language, on the running service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.conftest import CASES, CaseOutcome


@pytest.mark.parametrize(
    "case", sorted(CASES.rglob("*.yaml")), ids=lambda case: f"{case.parent.name}/{case.stem}"
)
def test_the_answers_are_the_recorded_ones(
    case: Path, outcome_of: Callable[[Path], CaseOutcome]
) -> None:
    outcome = outcome_of(case)
    assert outcome.error is None
    assert outcome.seen == outcome.expected
