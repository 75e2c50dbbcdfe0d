"""What stands in a queue and is no message is dropped, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.messages import make_tolerant

MESSAGE = {
    "body": "W10=",
    "headers": {"task": "workflows.advance"},
    "properties": {"delivery_info": {"routing_key": "engine"}, "delivery_tag": "1"},
}
read = make_tolerant(json.loads)


@pytest.mark.parametrize(
    "text",
    [
        "\x00 no message",
        "",
        "{}",
        '{"body": 1, "headers": {}}',
        '{"body": "", "headers": {}, "properties": {"delivery_info": {}}}',
        '{"body": "", "headers": 1, "properties": {"delivery_info": {}, "delivery_tag": 1}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_message_becomes_an_empty_one(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    message = read(text)
    assert (message["body"], message["headers"]) == ("", {})
    assert message["properties"]["delivery_tag"]
    assert "dropped" in caplog.text
    assert "no message" not in caplog.text


@pytest.mark.parametrize("given", [MESSAGE, [MESSAGE, "", "engine"]])
def test_a_message_stays_as_it_is(given: Any) -> None:
    assert read(json.dumps(given)) == given
