"""The event engine of a running service: streams of Redis, and RabbitMQ where it is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
import requests
from amqp.exceptions import NotFound
from kombu import Connection, Exchange, Producer

from tests.live import ROOT, LiveStack, free_port
from workflows.embedded.state import read_state

pytestmark = pytest.mark.e2e

HELLO = """
version: '2.0'
on_event:
  input: [vm: none]
  output: {vm: <% $.vm %>}
  tasks:
    greet:
      action: std.noop
"""
SECONDS = 30.0


class Broker:
    """RabbitMQ with a folder and ports of its own."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.node = f"levante-{self.port}@localhost"
        self.log = directory / "rabbitmq.out"
        self.environment = os.environ | {
            "HOME": str(directory),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        server = program("rabbitmq-server")
        assert server is not None
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [server], env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + 90
        while True:
            try:
                with Connection(self.url, connect_timeout=2) as connection:
                    connection.connect()
                return
            except OSError:
                assert self.process.poll() is None, self.log.read_text()[-3000:]
                assert time.monotonic() < deadline, self.log.read_text()[-3000:]
                time.sleep(0.5)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def publish(self, exchange: str, key: str, body: Any) -> None:
        with Connection(self.url) as connection:
            place = Exchange(exchange, "topic", durable=True)
            Producer(connection).publish(
                json.dumps(body),
                exchange=place,
                routing_key=key,
                declare=[place],
                content_type="application/json",
                delivery_mode=2,
            )

    def declared(self, queue: str) -> Any:
        """What the broker says about a queue."""
        with Connection(self.url) as connection:
            return connection.channel().queue_declare(queue, passive=True)

    def waiting(self, queue: str) -> int:
        return int(self.declared(queue).message_count)


def program(name: str) -> str | None:
    """RabbitMQ's own script, which the wrapper of Debian runs as another user."""
    found = Path("/usr/lib/rabbitmq/bin") / name
    return str(found) if found.exists() else shutil.which(name)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    if program("rabbitmq-server") is None:
        pytest.skip("RabbitMQ is not installed (on Debian: apt-get install rabbitmq-server)")
    broker = Broker(tmp_path_factory.mktemp("rabbitmq"))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """The service with a broker where there is one; its address is known before it runs."""
    stack = LiveStack(tmp_path_factory.mktemp("events"))
    yield stack
    if stack.process is not None:
        stack.stop()


@pytest.fixture(scope="module")
def with_broker(stack: LiveStack, broker: Broker) -> LiveStack:
    stack.settings["LEVANTE_EVENT_AMQP_URL"] = broker.url
    return stack.start() if stack.process is None else restart(stack)


@pytest.fixture(scope="module")
def running(stack: LiveStack) -> LiveStack:
    return stack.start() if stack.process is None else stack


def restart(stack: LiveStack) -> LiveStack:
    stack.stop()
    return stack.start()


def post(stack: LiveStack, path: str, body: Any) -> dict[str, Any]:
    sent = {"data": body.encode()} if isinstance(body, str) else {"json": body}
    answer = requests.post(f"{stack.url}/{path}", timeout=10, **sent)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def upload(stack: LiveStack, text: str) -> str:
    """Store a workflow under a name of its own and give its id."""
    name = f"on_event_{uuid4().hex}"
    made = post(stack, "workflows", text.replace("on_event", name))
    return str(made["workflows"][0]["id"])


def listen(stack: LiveStack, exchange: str, **given: Any) -> dict[str, Any]:
    return post(
        stack,
        "event_triggers",
        {
            "workflow_id": upload(stack, HELLO),
            "exchange": exchange,
            "topic": "notifications",
            "event": "compute.instance.create.end",
            "workflow_input": {},
            "event_input": {"vm": "<% $.payload.instance_id %>"},
        }
        | given,
    )


def started(stack: LiveStack, trigger: dict[str, Any]) -> list[str]:
    """The machines of the runs of a trigger, in order."""
    answer = requests.get(
        f"{stack.url}/executions",
        params={"workflow_id": trigger["workflow_id"], "fields": "input"},
        timeout=10,
    )
    return sorted(json.loads(one["input"])["vm"] for one in answer.json()["executions"])


def wait_until(check: Callable[[], bool], what: object = "") -> None:
    deadline = time.monotonic() + SECONDS
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def notification(vm: str, **changes: Any) -> dict[str, Any]:
    """As oslo.messaging writes it."""
    inner = {
        "message_id": str(uuid4()),
        "publisher_id": "compute.host1",
        "event_type": "compute.instance.create.end",
        "priority": "INFO",
        "payload": {"instance_id": vm},
        "timestamp": "2026-03-01 12:00:00.000000",
        "_context_project_id": uuid4().hex,
    } | changes
    return {"oslo.version": "2.0", "oslo.message": json.dumps(inner)}


def streams(stack: LiveStack) -> redis.Redis:
    state = read_state(stack.directory / "data")
    assert state is not None
    return redis.Redis.from_url(state.redis_url)


def test_the_events_of_a_stream_start_workflows(running: LiveStack) -> None:
    trigger = listen(running, "redis-a")
    client = streams(running)
    client.xadd("redis-a:notifications", {"event": json.dumps(notification("i-1"))})
    client.xadd(
        "redis-a:notifications",
        {"event_type": trigger["event"], "payload": json.dumps({"instance_id": "i-2"})},
    )
    wait_until(lambda: started(running, trigger) == ["i-1", "i-2"])
    wait_until(lambda: client.xpending("redis-a:notifications", "levante")["pending"] == 0)


def test_nothing_that_came_to_a_stream_while_we_were_away_is_lost(running: LiveStack) -> None:
    trigger = listen(running, "redis-b")
    client = streams(running)
    client.xadd("redis-b:notifications", {"event": json.dumps(notification("i-0"))})
    wait_until(lambda: started(running, trigger) == ["i-0"])
    # Somebody takes one and dies; the rest comes while nobody listens.
    (sweep,) = running.processes("sweep")
    os.kill(sweep, 19)  # stopped
    client.xadd("redis-b:notifications", {"event": json.dumps(notification("i-1"))})
    client.xreadgroup("levante", "dead", {"redis-b:notifications": ">"}, count=1)
    for number in range(2, 6):
        client.xadd("redis-b:notifications", {"event": json.dumps(notification(f"i-{number}"))})
    os.kill(sweep, 9)
    wait_until(
        lambda: started(running, trigger) == [f"i-{number}" for number in range(6)],
        running.log.read_text()[-2000:],
    )


def test_notifications_of_openstack_start_workflows(with_broker: LiveStack, broker: Broker) -> None:
    broker.publish("nova", "nobody", {})  # the publisher makes the exchange
    trigger = listen(with_broker, "nova")
    queue = "levante.nova.notifications"
    wait_until(lambda: _has_queue(broker, queue))
    repeated = notification("i-1")
    for key in ("notifications.info", "notifications.error", "notifications"):
        broker.publish("nova", key, repeated)
    broker.publish("nova", "notifications.info", notification("i-2", event_type="other"))
    broker.publish("nova", "notifications.info", notification("i-3"))
    broker.publish(
        "nova", "notifications", {"event_type": trigger["event"], "payload": {"instance_id": "i-4"}}
    )
    wait_until(lambda: started(with_broker, trigger) == ["i-1", "i-3", "i-4"])
    time.sleep(1)
    assert started(with_broker, trigger) == ["i-1", "i-3", "i-4"]
    assert broker.waiting(queue) == 0


def _has_queue(broker: Broker, queue: str) -> bool:
    """Whether somebody reads the queue, which comes after it was bound."""
    try:
        return broker.declared(queue).consumer_count > 0
    except NotFound:
        return False


def test_a_broker_that_goes_away_is_connected_to_again(
    with_broker: LiveStack, broker: Broker
) -> None:
    broker.publish("cinder", "nobody", {})
    trigger = listen(with_broker, "cinder")
    wait_until(lambda: _has_queue(broker, "levante.cinder.notifications"))
    broker.stop()
    broker.start()
    broker.publish("cinder", "notifications.info", notification("i-1"))
    wait_until(lambda: started(with_broker, trigger) == ["i-1"])
    # The queue is kept while we are away.
    with_broker.stop()
    broker.publish("cinder", "notifications.info", notification("i-2"))
    with_broker.start()
    wait_until(lambda: started(with_broker, trigger) == ["i-1", "i-2"])


def test_the_password_of_the_broker_is_not_in_the_log(with_broker: LiveStack) -> None:
    assert "guest:guest" not in with_broker.log.read_text()


def test_the_queue_of_a_deleted_trigger_goes(with_broker: LiveStack, broker: Broker) -> None:
    broker.publish("glance", "nobody", {})
    trigger = listen(with_broker, "glance")
    wait_until(lambda: _has_queue(broker, "levante.glance.notifications"))
    requests.delete(f"{with_broker.url}/event_triggers/{trigger['id']}", timeout=10)
    wait_until(lambda: not _has_queue(broker, "levante.glance.notifications"))


def test_the_example_moves_a_machine_when_an_alarm_comes(
    with_broker: LiveStack, broker: Broker
) -> None:
    text = (ROOT / "examples" / "evacuate_on_alarm.yaml").read_text()
    made = post(with_broker, "workflows", text)
    broker.publish("aodh", "nobody", {})
    trigger = post(
        with_broker,
        "event_triggers",
        {
            "name": "hot hosts",
            "workflow_id": made["workflows"][0]["id"],
            "exchange": "aodh",
            "topic": "alarming",
            "event": "alarm.state_transition",
            "condition": "<% $.payload.detail.state = 'alarm' %>",
            "event_input": {
                "host": "<% $.payload.resource.host %>",
                "servers": "<% $.payload.resource.servers %>",
            },
        },
    )
    wait_until(lambda: _has_queue(broker, "levante.aodh.alarming"))
    for state in ("ok", "alarm"):
        broker.publish(
            "aodh",
            "alarming.info",
            notification(
                "",
                event_type="alarm.state_transition",
                payload={
                    "alarm_id": "a1",
                    "detail": {"state": state},
                    "resource": {"host": "compute-1", "servers": ["web-1", "web-2"]},
                },
            ),
        )
    wait_until(lambda: len(_runs(with_broker, trigger)) == 1)
    wait_until(lambda: _runs(with_broker, trigger)[0]["state"] == "SUCCESS")
    output = json.loads(_runs(with_broker, trigger)[0]["output"])
    assert output == {"host": "compute-1", "moved": ["web-1", "web-2"]}


def _runs(stack: LiveStack, trigger: dict[str, Any]) -> list[dict[str, Any]]:
    arguments = {"workflow_id": trigger["workflow_id"], "fields": "state,output,state_info"}
    answer = requests.get(f"{stack.url}/executions", params=arguments, timeout=10)
    return list(answer.json()["executions"])
