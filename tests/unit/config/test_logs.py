"""The two formats of the log: whole lines, with the ids of the work at hand."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any
from uuid import uuid4

import pytest
from gunicorn.config import Config

from config import gunicorn_logs
from config.gunicorn_logs import GunicornLogger
from config.logs import FactsFormatter, JsonFormatter
from workflows.log_facts import current_facts, log_facts

FORMATTERS = [FactsFormatter(), JsonFormatter("worker-engine")]


def record(message: str = "Something happened.", **facts: Any) -> logging.LogRecord:
    made = logging.LogRecord("workflows.x", logging.INFO, "x.py", 1, message, None, None)
    vars(made).update(facts)
    return made


def test_a_json_line_says_when_who_what_and_its_facts() -> None:
    line = json.loads(JsonFormatter("worker-engine").format(record(count=3)))
    assert line["time"].endswith("+00:00")
    assert {key: line[key] for key in ("level", "process", "logger", "message", "count")} == {
        "level": "INFO",
        "process": "worker-engine",
        "logger": "workflows.x",
        "message": "Something happened.",
        "count": 3,
    }


def test_a_fact_does_not_cover_the_message_of_a_json_line() -> None:
    line = json.loads(JsonFormatter("web").format(record(time="never", process="fake", level="x")))
    assert (line["level"], line["process"]) == ("INFO", "web")
    assert line["time"] != "never"


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_the_ids_of_the_work_at_hand_are_in_each_line(formatter: logging.Formatter) -> None:
    execution, task = uuid4(), uuid4()
    with log_facts(execution_id=execution), log_facts(task_id=task):
        line = formatter.format(record())
    assert str(execution) in line
    assert str(task) in line
    assert str(execution) not in formatter.format(record())


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_a_value_cannot_fake_a_second_line(formatter: logging.Formatter) -> None:
    assert "\n" not in formatter.format(record("first\nsecond", fact="third\nfourth"))


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_a_traceback_is_part_of_its_line(formatter: logging.Formatter) -> None:
    made = record()
    try:
        raise ValueError("no such thing")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert "ValueError: no such thing" in formatter.format(made)


def test_work_that_has_no_task_hides_the_task_around_it() -> None:
    with log_facts(execution_id="e", task_id="t"):
        with log_facts(task_id=None, action_id="a"):
            assert current_facts() == {"execution_id": "e", "action_id": "a"}
        assert current_facts() == {"execution_id": "e", "task_id": "t"}


@pytest.mark.parametrize(("form", "kind"), [("text", FactsFormatter), ("json", JsonFormatter)])
def test_the_web_server_logs_in_the_same_format(
    monkeypatch: pytest.MonkeyPatch, form: str, kind: type[logging.Formatter]
) -> None:
    monkeypatch.setattr(gunicorn_logs, "LEVANTE_LOG_FORMAT", form)
    server_log = GunicornLogger(Config())
    handler = server_log._get_gunicorn_handler(server_log.error_log)
    try:
        assert type(handler.formatter) is kind
    finally:
        server_log.error_log.removeHandler(handler)
