"""`make soak`: round after round of faults, for as long as asked, and a report.

make soak ARGS="--seconds 3600 --seed 7"
make soak ARGS="--without sweep"     shows that the checks notice when a safeguard is missing
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.campaign import Report, run_round
from tests.faults.cluster import Cluster


def main() -> int:
    options = _parse()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(1))  # what was started has to end
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10**6)
    directory = Path(tempfile.mkdtemp(prefix="levante-soak-"))
    total = Report(seed)
    rounds = 0
    begin = time.monotonic()
    print(f"seed {seed}, data and logs in {directory}", flush=True)
    cluster = Cluster(directory, mutation=options.without).start()
    try:
        while time.monotonic() < begin + options.seconds or not rounds:
            report = run_round(
                cluster,
                seed + rounds,
                executions=options.executions,
                seconds=options.round_seconds,
                settle_seconds=300,
                many_items=options.items,
            )
            print(f"[{time.monotonic() - begin:.0f} s] {report}", flush=True)
            total.add(report)
            rounds += 1
            if report.violations:
                break
    finally:
        cluster.stop()
    print(f"\nAll {rounds} rounds in {time.monotonic() - begin:.0f} s\n{total}")
    if total.violations:
        print(f"The logs and the database are kept in {directory}")
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 1 if total.missing_faults else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1200, help="default: 1200")
    parser.add_argument("--seed", type=int, help="repeats the faults of an earlier run")
    parser.add_argument("--round-seconds", type=float, default=60, help="default: 60")
    parser.add_argument("--executions", type=int, default=200, help="of each round; default: 200")
    parser.add_argument("--items", type=int, default=500, help="of the largest task; default: 500")
    parser.add_argument("--without", default="", help="a safeguard to switch off")
    return parser.parse_args()
