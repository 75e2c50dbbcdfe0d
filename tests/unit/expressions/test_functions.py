"""The eleven functions of workflows, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.expressions.conftest import Evaluate, FakeReader
from workflows.errors import ExpressionFailed
from workflows.expressions.context import Context
from workflows.expressions.evaluate import evaluate
from workflows.expressions.reader import NoReader


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("<% env().region %>", "south"),
        ("{{ env().region }}", "south"),
        ("{{ (_ | env).region }}", "south"),
        ("<% execution().input.nights + 1 %>", 3),
        ("<% let(execution().input) -> $.nights %>", 2),
        ("{{ execution().root_execution_id }}", None),
        ("{{ (_ | execution).name }}", "trip"),
        ("<% task().name %>", "pay"),
        ("<% task(book).result %>", {"price": 80, "beds": [1, 2]}),
        ("<% task('book').result.price + 1 %>", 81),
        ("<% task(taskName => book).state %>", "SUCCESS"),
        ("{{ task(task_name='book').state }}", "SUCCESS"),
        ("{{ (_ | task('book')).result.beds | sum }}", 3),
        ("{{ (_ | task).name }}", "pay"),
        ("<% task(never) %>", None),
        ("{{ task('never') is none }}", True),
        ("<% global(unit) %>", "kg"),
        ("<% global(varName => unit) %>", "kg"),
        ("{{ global(var_name='unit') }}", "kg"),
        ("{{ _ | global('unit') }}", "kg"),
        ("<% global(nothing) %>", None),
        ("<% tasks(e1).name %>", ["book", "pay"]),
        ("{{ tasks('e1') | map(attribute='state') | list }}", ["SUCCESS", "RUNNING"]),
        ("<% executions().name %>", ["trip"]),
        ("{{ executions()[0].state }}", "RUNNING"),
        ("{{ _ | uuid }}", "uuid-1"),
        ("{{ _ | json_dump([1]) }}", "[\n    1\n]"),
        ("<% yaml_dump($.list) %>", "- a\n- a\n"),
        ("<% yaml_dump([$.list, $.list]) %>", "- - a\n  - a\n- - a\n  - a\n"),
        ("<% yaml_parse('a: 2024-01-01') %>", {"a": "2024-01-01"}),
        ("<% yaml_parse('a: *x') %>", {"a": "*x"}),
        ("<% yaml_parse('a: @x') %>", {"a": "@x"}),
        (
            "<% json_dump({d => datetime('2024-02-29')}) %>",
            '{\n    "d": "2024-02-29T00:00:00.000000"\n}',
        ),
        ("<% json_dump(yaml_parse('a: 2024-01-01')) %>", '{\n    "a": "2024-01-01"\n}'),
        ("{{ yaml_dump({'a': 'x' | e, 'b': (1, 2)}) }}", "a: x\nb:\n- 1\n- 2\n"),
        ("<% json_dump($.list.select($)) %>", '[\n    "a",\n    "a"\n]'),
    ],
)
def test_a_function_answers_in_either_language(run: Evaluate, expression: str, value: Any) -> None:
    assert run(expression, list=["a", "a"]) == value


@pytest.mark.parametrize(
    "expression",
    [
        "<% tasks(e1, true, ERROR, true) %>",
        "<% tasks(workflowExecutionId => e1, recursive => true, state => ERROR, flat => true) %>",
        "{{ tasks('e1', true, 'ERROR', true) }}",
        "{{ tasks(workflow_execution_id='e1', recursive=true, state='ERROR', flat=true) }}",
    ],
)
def test_tasks_hands_its_filters_on(run: Evaluate, reader: FakeReader, expression: str) -> None:
    run(expression)

    filters = {
        "workflow_execution_id": "e1", "recursive": True, "state": "ERROR", "flat": True
    }  # fmt: skip
    assert reader.asked == [("tasks", filters)]


@pytest.mark.parametrize(
    "expression",
    [
        "<% executions(null, r1, ERROR, '2024', '2025') %>",
        "<% executions(rootExecutionId => r1, state => ERROR, fromTime => '2024', "
        "toTime => '2025') %>",
        "{{ executions(none, 'r1', 'ERROR', '2024', '2025') }}",
        "{{ executions(root_execution_id='r1', state='ERROR', from_time='2024', to_time='2025') }}",
    ],
)
def test_executions_hands_its_filters_on(
    run: Evaluate, reader: FakeReader, expression: str
) -> None:
    run(expression)

    filters = {
        "id": None, "root_execution_id": "r1", "state": "ERROR",
        "from_time": "2024", "to_time": "2025",
    }  # fmt: skip
    assert reader.asked == [("executions", filters)]


@pytest.mark.parametrize(
    "expression",
    [
        "<% tasks(workflow_execution_id => e1) %>",
        "{{ tasks(workflowExecutionId='e1') }}",
        "<% tasks(e1, 'yes') %>",
        "<% env(1) %>",
        "{{ global() }}",
        "{{ 5 | env }}",
        "{{ [1] | json_dump }}",
        "<% json_parse(5) %>",
        "<% yaml_parse(null) %>",
        "{{ yaml_parse('a: [') }}",
        "<% json_dump(regex(a)) %>",
        "<% yaml_dump(timespan(days => 1)) %>",
        "<% task(never).result %>",
        "{{ task('never').result }}",
    ],
)
def test_wrong_arguments_fail(run: Evaluate, expression: str) -> None:
    with pytest.raises(ExpressionFailed):
        run(expression)


def test_results_of_functions_are_lists_of_python_as_in_mistral(run: Evaluate) -> None:
    assert run("<% str(env().rates) %> <% str($.rates) %>", rates=[1, 2]) == "[1, 2] (1, 2)"


def test_outside_of_executions_the_functions_know_nothing() -> None:
    value = ["<% env() %>", "<% execution() %>", "<% task() %>", "<% global(a) %>", "<% tasks() %>"]

    assert evaluate(value, Context(), NoReader()) == [{}, None, None, None, []]
    assert evaluate("<% uuid() %>", Context(), NoReader(lambda: "u1")) == "u1"
    with pytest.raises(ExpressionFailed, match="cannot be used in this place"):
        evaluate("<% uuid() %>", Context(), NoReader())


@pytest.mark.parametrize("expression", ["<% task().result %>", "{{ tasks() }}", "x <% env() %>"])
def test_an_error_of_the_reader_itself_is_no_fault_of_the_expression(expression: str) -> None:
    class Lost(NoReader):
        def env(self) -> Any:
            raise ConnectionError("lost")

        def task(self, name: str | None) -> Any:
            raise ConnectionError("lost")

        def tasks(self, **filters: Any) -> Any:
            raise ConnectionError("lost")

    with pytest.raises(ConnectionError):
        evaluate(expression, Context(), Lost())


@pytest.mark.parametrize("expression", ["<% task().result %>", "{{ task().result }}"])
def test_a_refusal_of_the_reader_is_the_reason_of_the_failure(expression: str) -> None:
    class Refusing(NoReader):
        def task(self, name: str | None) -> Any:
            raise ExpressionFailed("too many rows")

    with pytest.raises(ExpressionFailed, match="too many rows"):
        evaluate(expression, Context(), Refusing())
