"""Events of changes of state, receivers, and what of them may be shown."""

from __future__ import annotations

import hashlib
import hmac
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from workflows.actions.publishers import (
    ENTRY_POINT_GROUP,
    DeliveryFailed,
    NoopPublisher,
    Notification,
    WebhookPublisher,
    load_publishers,
    sign,
)
from workflows.jsontypes import JSONObject
from workflows.services.triggers.notification_events import (
    event_name,
    find_receivers,
    hide_secrets,
    keep_secrets,
    label,
    wants,
)


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        ("", "RUNNING", "LAUNCHED"),
        ("IDLE", "RUNNING", "LAUNCHED"),
        ("WAITING", "DELAYED", "LAUNCHED"),
        ("", "IDLE", None),
        ("", "WAITING", None),
        ("DELAYED", "RUNNING", None),
        ("RUNNING", "DELAYED", None),
        ("RUNNING", "SUCCESS", "SUCCEEDED"),
        ("RUNNING", "ERROR", "FAILED"),
        ("WAITING", "ERROR", "FAILED"),
        ("RUNNING", "CANCELLED", "CANCELLED"),
        ("RUNNING", "PAUSED", "PAUSED"),
        ("PAUSED", "RUNNING", "RESUMED"),
        ("ERROR", "RUNNING", "RERUN"),
        ("CANCELLED", "RUNNING", "RERUN"),
        ("ERROR", "SKIPPED", "SKIPPED"),
        ("ERROR", "ERROR", None),
    ],
)
def test_events_of_changes(before: str, after: str, event: str | None) -> None:
    assert event_name(before, after, is_task=True) == (event and f"TASK_{event}")
    if after != "SKIPPED" and before not in ("IDLE", "WAITING"):
        assert event_name(before, after, is_task=False) == (event and f"WORKFLOW_{event}")


def test_an_execution_that_waited_for_room_is_launched_once() -> None:
    changes = [("IDLE", "RUNNING"), ("", "RUNNING")]
    names = [event_name(before, after, is_task=False) for before, after in changes]
    assert names == [None, "WORKFLOW_LAUNCHED"]


def test_who_wants_what() -> None:
    assert wants({}, "TASK_FAILED")
    assert wants({"event_types": []}, "TASK_FAILED")
    assert wants({"event_types": ["TASK_FAILED"]}, "TASK_FAILED")
    assert not wants({"event_types": ["TASK_FAILED"]}, "TASK_PAUSED")
    assert not wants({"event_types": "TASK_FAILED"}, "TASK_FAILED")


@pytest.mark.parametrize("notify", [None, "x", {}, [1, "x", {}, {"type": 5}]])
def test_what_is_no_receiver_is_left_out(notify: Any) -> None:
    assert find_receivers(notify, 10) == []


def test_the_number_of_receivers_has_a_limit() -> None:
    assert len(find_receivers([{"type": "noop"}] * 50, 10)) == 10


def test_secrets_are_not_shown() -> None:
    params = {
        "env": {"a": 1},
        "notify": [
            {
                "type": "webhook",
                "url": "https://ann:pa55@hooks.example.org:8443/in?token=t0k3n",
                "headers": {"Authorization": "Bearer t0k3n"},
                "secret": "s3cr3t",
                "event_types": ["TASK_FAILED"],
            },
            {"type": "webhook", "url": "https://hooks.example.org/in"},
        ],
    }
    shown = hide_secrets(params)  # type: ignore[arg-type]
    assert shown["env"] == {"a": 1}
    assert shown["notify"] == [
        {
            "type": "webhook",
            "url": "https://***@hooks.example.org:8443/in?***",
            "headers": {"Authorization": "***"},
            "secret": "***",
            "event_types": ["TASK_FAILED"],
        },
        {"type": "webhook", "url": "https://hooks.example.org/in"},
    ]
    assert params["notify"][0]["secret"] == "s3cr3t"
    assert label(params["notify"][0]) == "webhook hooks.example.org"  # type: ignore[arg-type]
    assert label({"type": "webhook", "url": "http://["}) == "webhook ?"
    assert hide_secrets({"notify": "x"}) == {"notify": "x"}


def test_what_is_still_covered_stays_at_the_same_address_alone() -> None:
    known: JSONObject = {
        "type": "webhook",
        "url": "https://ann:pa55@hooks.example.org/in?token=t",
        "headers": {"Authorization": "Bearer t", "X-Gone": "1"},
        "secret": "s3cr3t",
    }
    stored: JSONObject = {"notify": [{"type": "mail"}, known]}
    assert keep_secrets(hide_secrets(stored), stored) == stored
    shown = {"type": "webhook", "url": "https://***@hooks.example.org/in?***"}
    changed = {**shown, "headers": {"Authorization": "***", "X-New": "2"}, "secret": "new"}
    assert keep_secrets({"notify": [changed]}, stored) == {
        "notify": [
            {
                "type": "webhook",
                "url": known["url"],
                "headers": {"Authorization": "Bearer t", "X-New": "2"},
                "secret": "new",
            }
        ]
    }
    elsewhere: JSONObject = {
        "notify": [{"type": "webhook", "url": "https://else.example.org", "secret": "***"}]
    }
    assert keep_secrets(elsewhere, stored) == elsewhere
    assert keep_secrets({"env": "a", "notify": [1]}, stored) == {"env": "a", "notify": [1]}
    assert keep_secrets({}, stored) == {}


def test_a_signature_can_be_checked_by_the_receiver() -> None:
    headers = sign(b'{"a":1}', "s3cr3t", at=1_700_000_000)
    expected = hmac.new(b"s3cr3t", b'1700000000.{"a":1}', hashlib.sha256).hexdigest()
    assert headers == {
        "X-Levante-Timestamp": "1700000000",
        "X-Levante-Signature": f"sha256={expected}",
    }


@pytest.mark.parametrize(
    "receiver",
    [{}, {"url": 5}, {"url": "http://a", "headers": [1]}, {"url": "http://a", "headers": {"a": 1}}],
)
def test_a_webhook_that_makes_no_sense_is_given_up(receiver: dict[str, Any]) -> None:
    with pytest.raises(DeliveryFailed) as caught:
        WebhookPublisher().publish(Notification("d", "TASK_FAILED", {}), receiver)
    assert caught.value.is_final


def test_inner_addresses_are_not_reached() -> None:
    """The rules of std.http: nothing of this machine or network unless an operator says so."""
    for url in ("http://127.0.0.1:9/x", "http://169.254.169.254/", "file:///etc/passwd"):
        with pytest.raises(DeliveryFailed):
            WebhookPublisher().publish(Notification("d", "TASK_FAILED", {}), {"url": url})


class Printing:
    """A publisher of an installed package."""

    def publish(self, notification: Notification, receiver: Any) -> None:
        return


def test_publishers_of_packages_are_found_and_bad_ones_left_out() -> None:
    module = __name__
    made = load_publishers(
        EntryPoint(name=name, value=value, group=ENTRY_POINT_GROUP)
        for name, value in (
            ("print", f"{module}:Printing"),
            ("noop", f"{module}:Printing"),
            ("text", f"{module}:ENTRY_POINT_GROUP"),
            ("away", "no.such.module:Thing"),
        )
    )
    assert sorted(made) == ["noop", "print", "webhook"]
    assert isinstance(made["noop"], NoopPublisher)
