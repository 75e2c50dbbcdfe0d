"""A start as a REST call and as a command line, as a shell reads them."""

from __future__ import annotations

import json
import shlex
from typing import Final

from workflows.admin.equivalents import Start, as_command, as_request

TRICKY: Final = 'it\'s $HOME `x` "y" \\ ž'
FULL: Final = Start("my flow", "team", {"text": TRICKY}, {"env": "north"}, TRICKY)


def test_the_command_line_is_what_the_client_takes() -> None:
    assert shlex.split(as_command(FULL)) == [
        "mistral", "execution-create", "--namespace", "team", "--description", TRICKY, "my flow",
        json.dumps({"text": TRICKY}, ensure_ascii=False), '{"env": "north"}',
    ]  # fmt: skip


def test_what_is_not_given_is_left_out() -> None:
    start = Start("flow", "", {})
    assert as_command(start) == "mistral execution-create flow"
    words = shlex.split(as_request(start, "http://levante.test"))
    assert json.loads(words[-1]) == {"workflow_name": "flow"}


def test_params_come_after_an_input_that_is_empty() -> None:
    words = shlex.split(as_command(Start("flow", "", {}, {"env": "north"})))
    assert words[-2:] == ["{}", '{"env": "north"}']


def test_the_call_has_the_body_of_the_api_and_no_token() -> None:
    text = as_request(FULL, "http://levante.test")
    words = shlex.split(text.replace("\\\n", " "))
    assert words[:4] == ["curl", "-X", "POST", "http://levante.test/v2/executions"]
    assert "X-Auth-Token: $LEVANTE_TOKEN" in words
    assert json.loads(words[-1]) == {
        "workflow_name": "my flow",
        "workflow_namespace": "team",
        "input": {"text": TRICKY},
        "params": {"env": "north"},
        "description": TRICKY,
    }
