"""Notifications: from the history to receivers, each event once, whatever fails in between."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.factories import make_caller, start, work
from workflows.engine.states import State
from workflows.events.notifier import Notifier, send
from workflows.models import (
    HistoryEvent,
    NotificationCursor,
    NotificationDelivery,
    WorkflowExecution,
)
from workflows.services.advancing.advance import advance
from workflows.services.executions.executions import change_state, delete_execution
from workflows.services.triggers import notifications
from workflows.services.triggers.notifications import (
    claim_deliveries,
    collect_deliveries,
    drop_old_deliveries,
    settle_delivery,
)

pytestmark = pytest.mark.django_db(transaction=True)

HELLO: Final = """
version: '2.0'
hello:
  tasks:
    greet:
      action: std.noop
"""
FAILING: Final = HELLO.replace("std.noop", "std.fail")
CHILD: Final = """
version: '2.0'
parent:
  tasks:
    call:
      workflow: child
child:
  tasks:
    greet:
      action: std.noop
"""


class Receiver:
    """An HTTP server that refuses the first requests, and remembers all."""

    def __init__(self) -> None:
        self.refuse = 0
        self.requests: list[tuple[dict[str, str], dict[str, Any], int]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                status = 503 if receiver.refuse > 0 else 200
                receiver.refuse -= 1
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append((headers, body, status))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/in"

    @property
    def events(self) -> list[str]:
        return [body["event"] for _, body, status in self.requests if status == 200]


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.LEVANTE_HTTP_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.LEVANTE_NOTIFY_RETRY_SECONDS = 0.01
    settings.LEVANTE_NOTIFY_THREADS = 1
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


@pytest.fixture(autouse=True)
def _begin() -> None:
    """The cursor begins at the end of what is there."""
    collect_deliveries()


def collect() -> None:
    """Read all there is; the numbers begin with a gap, since other tests have had the first."""
    for _ in range(2):
        collect_deliveries()


def run_notifier(steps: int = 60) -> None:
    """Work until nothing is waiting."""
    stop = threading.Event()
    stop.set()  # so that it waits for nothing
    notifier = Notifier(stop)
    collect()
    with ThreadPoolExecutor(1) as pool:
        for _ in range(steps):
            notifier.step(pool)
            if not NotificationDelivery.objects.filter(state="waiting").exists():
                return
            threading.Event().wait(0.02)


def webhook(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"notify": [{"type": "webhook", "url": receiver.url, **more}]}


def test_a_run_is_told_from_its_launch_to_its_end(receiver: Receiver) -> None:
    execution = work(start(HELLO, params=webhook(receiver)))
    run_notifier()
    assert receiver.events == [
        "WORKFLOW_LAUNCHED", "TASK_LAUNCHED", "TASK_SUCCEEDED", "WORKFLOW_SUCCEEDED",
    ]  # fmt: skip
    bodies = [body for _, body, _ in receiver.requests]
    assert [body["sequence"] for body in bodies] == sorted(body["sequence"] for body in bodies)
    last = bodies[-1]
    assert last["id"] == last["workflow_execution_id"] == str(execution.pk)
    assert (last["name"], last["workflow_name"], last["state"]) == ("hello", "hello", "SUCCESS")
    assert last["project_id"] == str(execution.project_id)
    task = bodies[1]
    assert (task["name"], task["workflow_execution_id"]) == ("greet", str(execution.pk))


def test_only_events_of_the_wanted_types_are_told(receiver: Receiver) -> None:
    wanted = ["TASK_FAILED", "WORKFLOW_FAILED"]
    work(start(FAILING, params=webhook(receiver, event_types=wanted)))
    run_notifier()
    assert receiver.events == wanted
    assert "greet" in receiver.requests[-1][1]["state_info"]


def test_pause_and_resume_are_told(receiver: Receiver) -> None:
    execution = start(HELLO.replace("noop", "async_noop"), params=webhook(receiver))
    for state in (State.PAUSED, State.RUNNING, State.CANCELLED):
        change_state(execution.pk, state)
    run_notifier()
    ours = [event for event in receiver.events if event.startswith("WORKFLOW")]
    assert ours == [
        "WORKFLOW_LAUNCHED", "WORKFLOW_PAUSED", "WORKFLOW_RESUMED", "WORKFLOW_CANCELLED",
    ]  # fmt: skip


def test_a_receiver_that_fails_five_times_gets_exactly_one_delivery(receiver: Receiver) -> None:
    receiver.refuse = 5
    work(start(HELLO, params=webhook(receiver, event_types=["WORKFLOW_SUCCEEDED"])))
    run_notifier()
    assert [status for *_, status in receiver.requests] == [503] * 5 + [200]
    assert len({headers["x-levante-delivery"] for headers, *_ in receiver.requests}) == 1
    delivery = NotificationDelivery.objects.get()
    assert (delivery.state, delivery.tries, delivery.problem) == ("delivered", 6, "")
    run_notifier()
    assert len(receiver.requests) == 6


def test_a_receiver_that_never_answers_is_given_up(receiver: Receiver, settings: Settings) -> None:
    settings.LEVANTE_NOTIFY_TRIES = 3
    receiver.refuse = 100
    work(start(HELLO, params=webhook(receiver, event_types=["WORKFLOW_SUCCEEDED"])))
    run_notifier()
    delivery = NotificationDelivery.objects.get()
    assert (delivery.state, delivery.tries) == ("failed", 3)
    assert delivery.problem == "the receiver answered 503"
    assert len(receiver.requests) == 3


def test_deliveries_are_signed_and_secrets_stay_out_of_the_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.refuse = 1
    params = webhook(
        receiver, secret="s3cr3t", headers={"Authorization": "t0k3n"},
        event_types=["WORKFLOW_SUCCEEDED"],
    )  # fmt: skip
    work(start(HELLO, params=params))
    run_notifier()
    headers, *_ = receiver.requests[-1]
    assert headers["authorization"] == "t0k3n"
    assert headers["x-levante-signature"].startswith("sha256=")
    assert headers["x-levante-event"] == "WORKFLOW_SUCCEEDED"
    stored = json.dumps(list(NotificationDelivery.objects.values()), default=str)
    logged = "".join(str(record.__dict__) for record in caplog.records)
    assert "not taken" in logged
    for secret in ("s3cr3t", "t0k3n"):
        assert secret not in stored + logged


def test_receivers_of_the_settings_are_told_about_every_run(
    receiver: Receiver, settings: Settings
) -> None:
    settings.LEVANTE_NOTIFY = [
        {"type": "webhook", "url": receiver.url, "event_types": ["WORKFLOW_SUCCEEDED"]}
    ]
    settings.LEVANTE_NOTIFY_SECRET = "common"
    work(start(HELLO))
    run_notifier()
    assert receiver.events == ["WORKFLOW_SUCCEEDED"]
    assert "x-levante-signature" in receiver.requests[0][0]


def test_sub_workflows_inherit_the_receivers(receiver: Receiver) -> None:
    execution = start(CHILD, params=webhook(receiver, event_types=["WORKFLOW_SUCCEEDED"]))
    for child in WorkflowExecution.objects.filter(parent_execution_id=execution.pk):
        advance(child.pk)
    advance(execution.pk)
    run_notifier()
    assert {body["workflow_name"] for _, body, _ in receiver.requests} == {"child", "parent"}
    child_body = next(body for _, body, _ in receiver.requests if body["name"] == "child")
    assert child_body["root_execution_id"] == str(execution.pk)


def test_unknown_publishers_and_receivers_that_went_away_are_given_up(
    receiver: Receiver, settings: Settings
) -> None:
    work(start(HELLO, params={"notify": [{"type": "pigeon"}, {"type": "noop"}]}))
    settings.LEVANTE_NOTIFY = [{"type": "webhook", "url": receiver.url}]
    work(start(HELLO.replace("hello", "other")))
    collect()
    settings.LEVANTE_NOTIFY = [{"type": "webhook", "url": "https://other.example.org"}]
    run_notifier()
    problems = set(NotificationDelivery.objects.values_list("receiver", "state", "problem"))
    assert problems == {
        ("pigeon", "failed", "there is no publisher 'pigeon'"),
        ("noop", "delivered", ""),
        ("webhook 127.0.0.1", "failed", "the receiver is not there any more"),
    }
    assert receiver.requests == []


def test_a_process_that_dies_while_sending_delays_a_delivery(settings: Settings) -> None:
    work(start(HELLO, params={"notify": [{"type": "noop"}]}))
    collect()
    taken = claim_deliveries(100)
    assert len(taken) == 4
    assert claim_deliveries(100) == []
    NotificationDelivery.objects.update(claimed_until=timezone.now())
    again = claim_deliveries(100)
    assert [one.id for one in again] == [one.id for one in taken]
    settle_delivery(again[0], "")
    settle_delivery(taken[0], "too late")  # the first one comes back from the dead
    assert NotificationDelivery.objects.get(pk=again[0].id).state == "delivered"
    # While a later try is under way, the failure of an earlier one says nothing; its success does.
    settle_delivery(taken[1], "too late", is_final=True)
    row = NotificationDelivery.objects.get(pk=taken[1].id)
    assert (row.state, row.problem, row.claimed_until is None) == ("waiting", "", False)
    settle_delivery(taken[1], "")
    assert NotificationDelivery.objects.get(pk=taken[1].id).state == "delivered"


def test_a_look_at_nothing_new_is_one_statement_without_a_lock() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert collect_deliveries() == 0
    assert len(asked) == 1
    assert "FOR UPDATE" not in asked[0]["sql"]


def test_a_gap_holds_up_one_look_however_much_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifications, "_BATCH", 3)
    execution = start(HELLO, params={"notify": [{"type": "noop"}]})
    collect()
    before = NotificationDelivery.objects.count()
    for number in range(10):
        if number % 4 == 0:  # a number that is never used
            with connection.cursor() as cursor:
                cursor.execute("SELECT nextval(pg_get_serial_sequence('history_events', 'id'))")
        HistoryEvent.objects.create(
            execution=execution, name=f"n{number}", state_to="RUNNING", at=timezone.now()
        )
    collect_deliveries()
    collect_deliveries()
    assert _names(before) == [f"n{number}" for number in range(10)]


def test_what_is_being_sent_at_the_stop_is_settled(receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.server.server_port}/"
    work(start(HELLO, params={"notify": [{"type": "webhook", "url": url}]}))
    collect()
    stop = threading.Event()
    notifier = Notifier(stop)

    def step(pool: ThreadPoolExecutor) -> None:
        (claimed,) = claim_deliveries(1)
        notifier._sending[pool.submit(send, claimed)] = claimed
        stop.set()

    notifier.step = step  # type: ignore[method-assign]
    notifier.run()
    assert NotificationDelivery.objects.filter(state="delivered").count() == 1


def test_an_event_that_is_committed_late_is_not_lost() -> None:
    """Two transactions number their events, and the second one is committed first."""
    execution = start(HELLO, params={"notify": [{"type": "noop"}]})
    collect()
    before = NotificationDelivery.objects.count()
    late = psycopg.connect(**_address())
    rolled_back = psycopg.connect(**_address())
    try:
        for other in (late, rolled_back):
            other.execute(
                "INSERT INTO history_events (execution_id, name, state_from, state_to, reason,"
                " actor, at) VALUES (%s, 'late', 'RUNNING', 'SUCCESS', '', '', now())",
                [execution.pk],
            )
        HistoryEvent.objects.create(
            execution=execution, name="early", state_from="", state_to="RUNNING", at=timezone.now()
        )
        for _ in range(3):
            collect_deliveries()
        assert NotificationDelivery.objects.count() == before
        late.commit()
        collect_deliveries()
        assert _names(before) == ["late"]  # the next number may still come
        rolled_back.rollback()
        for _ in range(2):
            collect_deliveries()
        assert _names(before) == ["late", "early"]
    finally:
        late.close()
        rolled_back.close()


def _address() -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {
        key: parameters[key]
        for key in ("dbname", "user", "password", "host", "port")
        if parameters.get(key)
    }


def _names(skip: int) -> list[str]:
    rows = NotificationDelivery.objects.order_by("event_id")
    return [row.body["name"] for row in rows][skip:]


def test_reading_again_tells_nothing_twice() -> None:
    work(start(HELLO, params={"notify": [{"type": "noop"}]}))
    collect()
    NotificationCursor.objects.update(last_id=0, ahead_id=None, barrier=None)
    for _ in range(3):
        collect()
    assert NotificationDelivery.objects.count() == 4


def test_a_deleted_run_takes_its_deliveries_along() -> None:
    execution = work(start(HELLO, params={"notify": [{"type": "noop"}]}))
    collect()
    delete_execution(execution.pk, force=False)
    assert not NotificationDelivery.objects.exists()
    collect()
    assert not NotificationDelivery.objects.exists()


def test_old_deliveries_go() -> None:
    work(start(HELLO, caller=make_caller(), params={"notify": [{"type": "noop"}]}))
    run_notifier()
    assert drop_old_deliveries() == 0
    NotificationDelivery.objects.update(ended_at="2026-01-01T00:00:00Z")
    assert drop_old_deliveries() == 4
