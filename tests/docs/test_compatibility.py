"""The compatibility table: complete, and what it names as proof exists."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.live import ROOT

ROW: Final = re.compile(r"^\| (\S+) \|.*\| (done|differs on purpose|not done) \| (.*) \|$", re.M)
ROWS: Final = ROW.findall((ROOT / "docs" / "compatibility.md").read_text())
CASES: Final = ROOT / "tests" / "conformance" / "cases"
KINDS: Final = {
    "L": [*range(1, 17), *range(20, 34)],
    "P": range(1, 8),
    "C": range(1, 5),
    "F": range(1, 14),
    "A": range(1, 15),
    "O": range(1, 35),
    "R": range(1, 12),
    "X": range(1, 15),
    "1j.": range(1, 11),
    "D": range(1, 53),
}


def test_no_row_is_left_out() -> None:
    expected = {f"{kind}{number}" for kind, numbers in KINDS.items() for number in numbers}
    assert {row[0] for row in ROWS} == expected


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_is_done_names_a_proof_that_exists(row: tuple[str, str, str]) -> None:
    _, status, proof = row
    if status == "done":
        assert proof
    for path in re.findall(r"tests/[\w/]+\.py", proof):
        assert (ROOT / path).exists(), path
    for group in re.findall(r"\bcases? ([a-z-]+)/", proof):
        assert (CASES / group).is_dir(), group
    for name in re.findall(r"\bcases? ([a-z-]+/[a-z-]+)\b(?!-?\*)", proof):
        assert (CASES / f"{name}.yaml").exists() or name.endswith("-"), name
