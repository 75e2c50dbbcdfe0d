"""The whole service under random faults: real processes, real servers, and a nemesis.

Two rounds are the same in every run, and one is new; its seed is shown with a failure. `make
soak` goes on for as long as one likes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.faults.campaign import run_round
from tests.faults.cluster import Cluster
from tests.faults.nemesis import FAULTS

pytestmark = pytest.mark.e2e

EXECUTIONS: Final = 60
ITEMS: Final = 200
SECONDS: Final = 12.0
SETTLE_SECONDS: Final = 120.0  # a few are enough on a machine that has nothing else to do

SEEDS: Final = (11, 12, random.SystemRandom().randrange(1000, 10**6))
# Each round has a third of all faults; who gets which is the same in every run.
_ORDER: Final = random.Random(1).sample(sorted(FAULTS), len(FAULTS))
ROUNDS: Final = [(seed, _ORDER[place :: len(SEEDS)]) for place, seed in enumerate(SEEDS)]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    started = Cluster(tmp_path_factory.mktemp("cluster")).start()
    try:
        yield started
    finally:
        started.stop()


@pytest.mark.parametrize(("seed", "faults"), ROUNDS, ids=["seed-11", "seed-12", "new-seed"])
def test_everything_ends_well_whatever_dies(seed: int, faults: list[str], cluster: Cluster) -> None:
    report = run_round(
        cluster,
        seed,
        executions=EXECUTIONS,
        seconds=SECONDS,
        settle_seconds=SETTLE_SECONDS,
        many_items=ITEMS,
        faults=faults,
    )
    assert report.violations == [], report
    assert report.missing_faults == [], report
    assert report.executions == EXECUTIONS
    for name in ("engine", "actions", "astray"):
        # No message ends a worker, not even one that cannot be read.
        log = cluster.log_of(name)
        assert not re.search("Unrecoverable error: (JSON|Unicode|Key|Type)", log), name


def test_each_fault_has_its_round() -> None:
    assert sorted(name for _, faults in ROUNDS for name in faults) == sorted(FAULTS)
