"""One round of faults: executions start while a nemesis is about, and then all has to hold."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.faults.client import Client
from tests.faults.cluster import Cluster
from tests.faults.flows import make_runs
from tests.faults.invariants import CHECKS, FINAL, SETTLING, Facts, find_violations
from tests.faults.ledger import Ledger
from tests.faults.nemesis import FAULTS, Nemesis


@dataclass
class Report:
    """What a round did and found."""

    seed: int
    wanted: Collection[str] = tuple(FAULTS)
    executions: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    failed_faults: dict[str, str] = field(default_factory=dict)
    checks: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    slowest_answer: float = 0.0
    refused: int = 0
    settled_after: float = 0.0
    repeated: int = 0

    @property
    def missing_faults(self) -> list[str]:
        return sorted(set(self.wanted) - set(self.faults))

    def add(self, other: Report) -> None:
        """Count another round in."""
        self.executions += other.executions
        self.ends += other.ends
        self.faults += other.faults
        self.failed_faults |= other.failed_faults
        self.checks += other.checks
        self.violations += other.violations
        self.slowest_answer = max(self.slowest_answer, other.slowest_answer)
        self.refused += other.refused
        self.settled_after = max(self.settled_after, other.settled_after)
        self.repeated = other.repeated

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {state}" for state, count in sorted(self.ends.items()))
        lines = [
            f"seed {self.seed}: {self.executions} executions ended ({ends}),"
            f" {sum(self.faults.values())} faults",
            f"  the last one ended {self.settled_after:.1f} s after the last fault;"
            f" the slowest answer took {self.slowest_answer:.1f} s;"
            f" {self.refused} starts were sent again; {self.repeated} safe actions ran again",
            "  faults: " + ", ".join(f"{name} {n}" for name, n in sorted(self.faults.items())),
            "  held: " + ", ".join(f"{name} {n}" for name, n in sorted(self.checks.items())),
        ]
        lines += [
            f"  not done: {name}: {self.failed_faults.get(name, 'nobody was there')}"
            for name in self.missing_faults
        ]
        lines += [f"  BROKEN {text}" for text in self.violations]
        return "\n".join(lines)


def run_round(
    cluster: Cluster,
    seed: int,
    *,
    executions: int,
    seconds: float,
    settle_seconds: float = 90.0,
    many_items: int = 300,
    faults: Collection[str] = tuple(FAULTS),
) -> Report:
    """Start executions for some seconds under faults; afterwards everything has to be right."""
    fate = random.Random(seed)
    report = Report(seed, faults)
    client = Client(cluster, random.Random(fate.random()))
    nemesis = Nemesis(cluster, random.Random(fate.random()), faults)
    runs = make_runs(fate, executions, many_items=many_items)
    schedule = f"tick-{seed}"
    client.begin_schedule(schedule)
    threads = client.start_all(runs, seconds)
    nemesis.haunt(seconds, lambda pause: nemesis.wait(pause, pause))
    nemesis.heal()
    begin = time.monotonic()
    deadline = begin + settle_seconds
    for thread in threads:
        while thread.is_alive() and time.monotonic() < deadline:
            cluster.tend()
            thread.join(0.2)
    if len(client.accepted) != len(runs):
        report.violations.append(f"{len(runs) - len(client.accepted)} starts are not accepted")
    client.end_schedule(schedule)
    _wait_for_ends(cluster, deadline)
    client.is_over.set()
    report.settled_after = time.monotonic() - begin
    report.executions = len(client.accepted)
    report.faults, report.failed_faults = nemesis.done, nemesis.failed
    report.slowest_answer, report.refused = client.slowest, client.refused
    _check(cluster, client, report, time.monotonic() + settle_seconds / 2)
    return report


def _wait_for_ends(cluster: Cluster, deadline: float) -> None:
    while time.monotonic() < deadline:
        cluster.tend()
        time.sleep(0.3)
        try:
            with cluster.connect() as database:
                sql = "SELECT count(*) FROM workflow_executions WHERE state <> ALL(%s)"
                row: Any = database.execute(sql, [FINAL]).fetchone()
        except psycopg.OperationalError:
            continue
        if row[0] == 0:
            return


def _check(cluster: Cluster, client: Client, report: Report, deadline: float) -> None:
    with cluster.connect() as database, cluster.broker() as broker:
        facts = Facts(database, broker, Ledger.read(cluster.ledger), client.accepted)
        for check in CHECKS:
            found = find_violations(facts, check)
            while found and check in SETTLING and time.monotonic() < deadline:
                cluster.tend()
                time.sleep(0.3)
                found = find_violations(facts, check)
            report.violations += found
            report.checks[check.__name__] += not found
        if not database.execute("SELECT 1 FROM cron_fires LIMIT 1").fetchone():
            report.violations.append("no slot of a schedule came")
        report.repeated = sum(count > 1 for count in facts.ledger.starts.values())
        sql = "SELECT state, count(*) FROM workflow_executions WHERE id = ANY(%s) GROUP BY state"
        report.ends = Counter(dict(database.execute(sql, [list(client.accepted)]).fetchall()))
