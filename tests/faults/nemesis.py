"""The faults: each is done to a running cluster, and says what it did."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final, TypeAlias
from uuid import uuid4

import kombu.exceptions
import psycopg
import redis
from celery import Celery

from tests.faults.cluster import CONNECTIONS, PERIODS, Cluster

Fault: TypeAlias = Callable[["Nemesis"], bool]
FAULTS: Final[dict[str, Fault]] = {}

_DEAD_SECONDS = float(PERIODS["LEVANTE_DEAD_SECONDS"])
_AT_WORK_SQL = """
    SELECT pid FROM worker_processes WHERE tokens::text <> '[]'
      AND beat_at > clock_timestamp() - interval '2 seconds' ORDER BY random()
"""
_SESSIONS_SQL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = current_user AND application_name LIKE %s AND pid <> pg_backend_pid()
"""
_PAST_SQL = "SELECT id, execution_id, task_id, target, is_item FROM action_executions LIMIT 400"


def fault(function: Callable[[Nemesis], object]) -> Callable[[Nemesis], object]:
    """Put a fault on the list, under its name; one that answers False could not be done now."""
    FAULTS[function.__name__] = lambda nemesis: function(nemesis) is not False
    return function


class Nemesis:
    """Does faults to one cluster, in an order that only the seed decides."""

    def __init__(
        self, cluster: Cluster, fate: random.Random, names: Collection[str] = FAULTS
    ) -> None:
        self.cluster = cluster
        self.fate = fate
        self.names = sorted(names)
        self.done: Counter[str] = Counter()
        self.failed: dict[str, str] = {}

    def haunt(self, seconds: float, pause: Callable[[float], object]) -> None:
        """Do every fault once in a random order, and go on with random ones until time is up.

        One for which nobody was there to be hit is tried again, for as long again at most.
        """
        deadline = time.monotonic() + seconds
        todo = self.fate.sample(self.names, len(self.names))
        while time.monotonic() < deadline or (todo and time.monotonic() < deadline + seconds):
            name = todo.pop(0) if todo else self.fate.choice(self.names)
            self.do(name)
            if not self.done[name]:
                todo.append(name)
            pause(self.fate.uniform(0.1, 0.5))

    def do(self, name: str) -> None:
        """Do one fault; what the fault itself runs into is noted."""
        try:
            if FAULTS[name](self):
                self.done[name] += 1
        except (psycopg.Error, redis.RedisError, kombu.exceptions.KombuError, OSError) as error:
            self.failed[name] = f"{type(error).__name__}: {error}"

    def heal(self) -> None:
        """Take back what a fault has left behind that was hit by another one."""
        self.cluster.heal()
        for _ in range(100):
            self.cluster.tend()
            with suppress(psycopg.Error, redis.RedisError):
                broker = self.cluster.broker()
                broker.replicaof("NO", "ONE")
                broker.config_set("maxmemory", "256mb")
                with self.cluster.connect() as database:
                    database.execute("SET default_transaction_read_only = off")
                    database.execute("ALTER ROLE levante RESET default_transaction_read_only")
                return
            time.sleep(0.2)
        raise AssertionError("the servers do not come back")

    def worker(self) -> str:
        return self.fate.choice(["engine", "actions", "astray"])

    def wait(self, shortest: float, longest: float) -> None:
        """Let a fault last, and start again what is due meanwhile."""
        deadline = time.monotonic() + self.fate.uniform(shortest, longest)
        while time.monotonic() < deadline:
            time.sleep(0.1)
            self.cluster.tend()

    def send(self, count: int) -> None:
        """Send messages of the past again, all kinds of them, each several times."""
        with self.cluster.connect() as database:
            rows = database.execute(_PAST_SQL).fetchall()
        with self.app() as app:
            for _ in range(count if rows else 0):
                action_id, execution_id, task_id, target, is_item = self.fate.choice(rows)
                queue = {"queue": self.fate.choice(["actions", "engine"])}
                if execution_id is not None:
                    app.send_task("workflows.advance", [str(execution_id)], **queue)
                if is_item:
                    app.send_task("workflows.run_lane", [str(task_id), target], **queue)
                elif execution_id is not None:
                    arguments = [str(action_id), str(execution_id), target]
                    app.send_task("workflows.run_action", arguments, **queue)

    def app(self) -> Celery:
        connection = self.cluster.broker().connection_pool.connection_kwargs
        url = f"redis://:{connection['password']}@127.0.0.1:{connection['port']}/0"
        app = Celery("test", broker=url, set_as_current=False)
        app.conf.update(task_ignore_result=True, task_create_missing_queue_exchange_type="direct")
        app.conf.broker_transport_options = {"socket_timeout": 3, "socket_connect_timeout": 2}
        return app


# --- processes


@fault
def kill_child_at_work(nemesis: Nemesis) -> bool:
    """Kill the process that runs an action right now."""
    with nemesis.cluster.connect() as database:
        rows = database.execute(_AT_WORK_SQL).fetchall()
    for (pid,) in rows:
        if any(pid in nemesis.cluster.children_of(name) for name in ("actions", "astray")):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
    return False


@fault
def kill_engine_child(nemesis: Nemesis) -> bool:
    children = nemesis.cluster.children_of("engine")
    if not children:
        return False
    with suppress(ProcessLookupError):
        os.kill(nemesis.fate.choice(children), signal.SIGKILL)
    return True


@fault
def kill_worker(nemesis: Nemesis) -> None:
    nemesis.cluster.kill(nemesis.worker(), away=nemesis.fate.uniform(0, 2))


@fault
def kill_sweep(nemesis: Nemesis) -> None:
    nemesis.cluster.kill(nemesis.fate.choice(["sweep", "sweep-2"]), away=nemesis.fate.uniform(0, 3))


@fault
def kill_beat(nemesis: Nemesis) -> None:
    nemesis.cluster.kill("beat", away=nemesis.fate.uniform(0, 3))


@fault
def kill_web(nemesis: Nemesis) -> None:
    nemesis.cluster.kill("web", away=nemesis.fate.uniform(0, 1))


@fault
def stop_worker_in_order(nemesis: Nemesis) -> None:
    """What a supervisor does at each new version: ask, and kill after a while."""
    name = nemesis.worker()
    nemesis.cluster.terminate(name, seconds=5)


@fault
def freeze_worker(nemesis: Nemesis) -> None:
    """A worker stands still until others think that it is dead, and then goes on."""
    name = nemesis.worker()
    nemesis.cluster.signal(name, signal.SIGSTOP)
    nemesis.wait(_DEAD_SECONDS * 1.3, _DEAD_SECONDS * 1.6)
    nemesis.cluster.signal(name, signal.SIGCONT)


@fault
def two_beats(nemesis: Nemesis) -> None:
    nemesis.cluster.add_member("beat-2", "beat")
    nemesis.wait(2, 3)
    nemesis.cluster.remove_member("beat-2")


# --- Redis


@fault
def lose_what_a_worker_has_popped(nemesis: Nemesis) -> None:
    """A frozen worker's sockets are handed messages that it never reads."""
    name = nemesis.worker()
    nemesis.cluster.signal(name, signal.SIGSTOP)
    nemesis.wait(0.3, 0.6)
    nemesis.cluster.kill(name, away=0)


@fault
def flush_redis(nemesis: Nemesis) -> None:
    nemesis.cluster.broker().flushall()


@fault
def restart_redis_without_data(nemesis: Nemesis) -> None:
    nemesis.cluster.kill("redis", away=nemesis.fate.uniform(0, 1.5))
    nemesis.cluster.drop_redis_data()


@fault
def restart_redis(nemesis: Nemesis) -> None:
    nemesis.cluster.kill("redis", away=nemesis.fate.uniform(0, 1))


@fault
def make_redis_read_only(nemesis: Nemesis) -> None:
    broker = nemesis.cluster.broker()
    broker.replicaof("127.0.0.1", 1)
    nemesis.wait(0.5, 1.5)
    broker.replicaof("NO", "ONE")


@fault
def make_redis_full(nemesis: Nemesis) -> None:
    broker = nemesis.cluster.broker()
    broker.config_set("maxmemory", "1")
    nemesis.wait(0.5, 1.5)
    broker.config_set("maxmemory", "256mb")


@fault
def make_redis_deaf(nemesis: Nemesis) -> None:
    nemesis.cluster.redis_proxy.is_deaf = True
    nemesis.wait(1, 3)
    nemesis.cluster.redis_proxy.is_deaf = False


@fault
def make_redis_slow(nemesis: Nemesis) -> None:
    nemesis.cluster.redis_proxy.delay = 0.2
    nemesis.wait(0.5, 1.5)
    nemesis.cluster.redis_proxy.delay = 0.0


@fault
def cut_redis_connections(nemesis: Nemesis) -> bool:
    return nemesis.cluster.redis_proxy.cut_all() > 0


@fault
def send_again(nemesis: Nemesis) -> None:
    nemesis.send(nemesis.fate.randrange(20, 100))


@fault
def send_nonsense(nemesis: Nemesis) -> None:
    """Messages that cannot be read, and such that name what does not exist."""
    broker = nemesis.cluster.broker()
    for queue in ("actions", "engine"):
        broker.lpush(queue, b"\xff\x00 no message", b"{}", b'{"body": 1, "headers": {}}')
    with nemesis.app() as app:
        for queue in ("actions", "engine"):
            app.send_task("workflows.advance", [str(uuid4())], queue=queue)
            app.send_task("workflows.run_action", [str(uuid4())], queue=queue)
            app.send_task("workflows.run_lane", [str(uuid4()), ""], queue=queue)
            app.send_task("workflows.advance", ["no id"], queue=queue)
            app.send_task("workflows.unknown", queue=queue)


# --- PostgreSQL


@fault
def end_sessions(nemesis: Nemesis) -> bool:
    role = nemesis.fate.choice(["engine", "actions", "astray", "sweep", "web", "beat"])
    with nemesis.cluster.connect() as database:
        return bool(database.execute(_SESSIONS_SQL, [f"levante-{role}%"]).fetchall())


@fault
def cut_database_connections(nemesis: Nemesis) -> bool:
    return nemesis.cluster.postgres_proxy.cut_all() > 0


@fault
def crash_postgres(nemesis: Nemesis) -> None:
    nemesis.cluster.quit_postgres(away=nemesis.fate.uniform(0, 1.5))


@fault
def make_postgres_slow(nemesis: Nemesis) -> None:
    nemesis.cluster.postgres_proxy.delay = 0.05
    nemesis.wait(0.5, 2)
    nemesis.cluster.postgres_proxy.delay = 0.0


@fault
def make_postgres_deaf(nemesis: Nemesis) -> None:
    nemesis.cluster.postgres_proxy.is_deaf = True
    nemesis.wait(1, 2)
    nemesis.cluster.postgres_proxy.is_deaf = False


@fault
def lose_commit_replies(nemesis: Nemesis) -> bool:
    proxy = nemesis.cluster.postgres_proxy
    before = proxy.lost_commits
    proxy.lose_commit_replies(3)
    nemesis.wait(0.5, 1.5)
    return proxy.lost_commits > before


@fault
def use_up_all_sessions(nemesis: Nemesis) -> bool:
    taken: list[psycopg.Connection] = []
    try:
        with suppress(psycopg.OperationalError):
            while len(taken) <= CONNECTIONS:
                taken += [nemesis.cluster.connect()]
        is_full = len(taken) <= CONNECTIONS
        nemesis.wait(0.5, 1.5)
    finally:
        for connection in taken:
            connection.close()
    return is_full and bool(taken)


@fault
def make_database_read_only(nemesis: Nemesis) -> None:
    with nemesis.cluster.connect() as database:
        database.execute("ALTER ROLE levante SET default_transaction_read_only = on")
        database.execute(_SESSIONS_SQL, ["levante-%"])
    nemesis.wait(0.5, 1.5)
    with nemesis.cluster.connect() as database:
        database.execute("SET default_transaction_read_only = off")
        database.execute("ALTER ROLE levante RESET default_transaction_read_only")
        database.execute(_SESSIONS_SQL, ["levante-%"])
