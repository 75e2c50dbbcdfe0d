"""The actions std.http and std.mistral_http against a real server."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.actions.http_server import http_server
from tests.unit.actions.interrupting import interrupted_after
from workflows.actions.base import ActionContext, Outcome, perform_action
from workflows.actions.std.http import HTTPAction, MistralHTTPAction

CONTEXT = ActionContext(
    action_execution_id="a1",
    task_execution_id="t1",
    workflow_name="trip",
    workflow_execution_id="e1",
    callback_url="https://levante.example.org/v2/action_executions/a1",
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with http_server() as address:
        yield address


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> None:
    settings.LEVANTE_HTTP_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def send(url: str, **input: Any) -> Outcome:
    return perform_action(HTTPAction(), CONTEXT, {"url": url, **input})


def result(url: str, **input: Any) -> Any:
    outcome = send(url, **input)
    assert outcome.is_success, outcome.result
    return outcome.result


def message(url: str, **input: Any) -> str:
    outcome = send(url, **input)
    assert not outcome.is_success
    assert isinstance(outcome.result, str)
    return outcome.result


def test_the_result_tells_all_about_the_answer(address: str) -> None:
    answer = result(f"{address}/text")
    assert answer.pop("elapsed") < 60
    assert answer.pop("headers")["Content-Length"] == "5"
    assert answer == {
        "content": "Grüße",
        "status": 200,
        "url": f"{address}/text",
        "history": [],
        "encoding": "latin-1",
        "reason": "OK",
        "cookies": {},
    }


def test_everything_that_is_given_is_sent(address: str) -> None:
    answer = result(
        f"{address}/echo",
        method="POST",
        params={"q": ["a b", 2]},
        json={"size": 3},
        headers={"X-Count": 7},
        cookies={"taste": "sour"},
        auth="ann:secret:1",
        timeout=30,
    )
    sent = answer["content"]
    assert (sent["method"], sent["path"]) == ("POST", "/echo?q=a+b&q=2")
    assert sent["body"] == '{"size": 3}'
    assert sent["headers"]["x-count"] == "7"
    assert sent["headers"]["cookie"] == "taste=sour"
    assert sent["headers"]["authorization"] == "Basic YW5uOnNlY3JldDox"
    assert answer["cookies"] == {"taste": "sweet"}


@pytest.mark.parametrize(("body", "sent"), [("Grüße", "Grüße"), ({"a": 1}, '{"a": 1}')])
def test_a_body_is_text_or_made_into_json(address: str, body: Any, sent: str) -> None:
    assert result(f"{address}/echo", method="PUT", body=body)["content"]["body"] == sent


def test_a_bad_status_is_an_error_with_the_same_result(address: str) -> None:
    outcome = send(f"{address}/teapot")
    assert not outcome.is_success
    assert isinstance(outcome.result, dict)
    assert (outcome.result["status"], outcome.result["content"]) == (418, {"short": True})


def test_redirects_are_followed_only_on_request(address: str) -> None:
    assert result(f"{address}/moved")["status"] == 302
    answer = result(f"{address}/moved", allow_redirects=True)
    assert answer["url"] == f"{address}/echo"
    assert answer["history"] == [{"status": 302, "url": f"{address}/moved"}]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("away", "address that is not public"),
        ("file", "only http:// and https:// can be reached"),
        ("round", "too many redirects"),
        ("bomb", "more than 1000000 bytes"),
        ("endless", "more than 1000000 bytes"),
    ],
)
def test_a_hostile_answer_is_a_clear_error(address: str, path: str, reason: str) -> None:
    assert reason in message(f"{address}/{path}", allow_redirects=True)


@pytest.mark.parametrize("path", ["moved-with-a-bomb", "moved-without-end"])
def test_the_body_of_a_redirect_is_not_read(address: str, path: str) -> None:
    before = peak_kilobytes()
    assert result(f"{address}/{path}", allow_redirects=True)["content"] == "Grüße"
    assert peak_kilobytes() - before < 20_000


@pytest.mark.parametrize("path", ["bomb", "bomb-in-a-bomb", "moved-with-a-bomb"])
def test_a_bomb_takes_little_memory(address: str, path: str) -> None:
    before = peak_kilobytes()
    assert "more than 1000000 bytes" in message(f"{address}/{path}")
    assert peak_kilobytes() - before < 20_000


def peak_kilobytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.parametrize("path", ["many-layers", "headers-without-end", "one-endless-header"])
def test_an_answer_that_is_none_is_an_error(address: str, path: str) -> None:
    assert message(f"{address}/{path}").startswith("Failed to send HTTP request: the ")


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "[::1]", "0", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
        "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "public.example@169.254.169.254",
    ],
)  # fmt: skip
def test_no_redirect_leads_inside(address: str, settings: Any, host: str) -> None:
    settings.LEVANTE_HTTP_ALLOWED_NETWORKS = [address.split("/")[2].partition(":")[0]]
    settings.LEVANTE_HTTP_ALLOWED_PORTS = [address.rpartition(":")[2]]
    headers = {"X-Host": host}
    text = message(f"{address}/moved-inside", allow_redirects=True, headers=headers, timeout=5)
    assert "LEVANTE_HTTP_ALLOWED" in text or "cannot be reached" in text


def test_an_interrupted_action_ends_at_once(address: str) -> None:
    assert interrupted_after(0.5, lambda: send(f"{address}/silent", timeout=60)) < 2.5


@pytest.mark.parametrize("path", ["drip", "silent", "headers-that-drip", "patience"])
def test_a_slow_answer_ends_at_the_time_given(address: str, path: str) -> None:
    assert message(f"{address}/{path}", timeout=0.3) == (
        "Failed to send HTTP request: there was no whole answer within 0.3 seconds"
    )


@pytest.mark.parametrize(
    ("input", "reason"),
    [
        ({"body": "a", "json": {"a": 1}}, "Only one of the parameters 'json' and 'body'"),
        ({"proxies": {"http": "http://127.0.0.1:1"}}, "cannot choose a proxy"),
        ({"verify": False}, "LEVANTE_HTTP_ALLOW_UNVERIFIED"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "a header has a character"),
        ({"headers": "none"}, "'headers' must be a map"),
        ({"auth": "ann"}, "'auth' must be written as user:password"),
        ({"timeout": 0}, "'timeout' must be a number of seconds above 0"),
        ({"timeout": True}, "'timeout' must be a number of seconds above 0"),
        ({"method": 5}, "'method' must be a text"),
    ],
)
def test_a_wrong_input_is_a_clear_error(address: str, input: Any, reason: str) -> None:
    assert reason in message(f"{address}/echo", **input)


def test_a_server_that_is_not_there_is_a_clear_error() -> None:
    assert message("http://127.0.0.1:1/?token=hidden") == (
        "Failed to send HTTP request: the server cannot be reached or closed the connection"
    )


def test_the_proxies_of_the_environment_are_not_used(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert result(f"{address}/text")["status"] == 200


def test_who_does_the_work_is_told_where_to_report(address: str) -> None:
    action = MistralHTTPAction()
    assert not action.is_sync
    outcome = perform_action(
        action, CONTEXT, {"url": f"{address}/echo", "headers": {"mistral-task-id": "mine"}}
    )
    assert isinstance(outcome.result, dict)
    sent: Any = outcome.result["content"]
    names = ("workflow-name", "workflow-execution-id", "task-id", "action-execution-id")
    assert [sent["headers"][f"mistral-{name}"] for name in names] == ["trip", "e1", "t1", "a1"]
    assert sent["headers"]["mistral-callback-url"] == CONTEXT.callback_url
