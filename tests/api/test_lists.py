"""Lists: pages, order, next links, filters and fields, the same for each resource."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from tests.api_client import ApiClient, fault
from tests.factories import start
from workflows.models import (
    ActionExecution,
    Environment,
    TaskExecution,
    WorkflowDefinition,
    WorkflowExecution,
)

NAMES = ("a", "b_b", "bxb", "c%", "d", "train")
FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def many(ann: ApiClient) -> ApiClient:
    """Six environments, one minute apart; every second one has a description."""
    for number, name in enumerate(NAMES):
        description = f"number {number}" if number % 2 else None
        body = {"name": name, "variables": {"n": number}, "description": description}
        assert ann.post("/environments", body).status_code == 201
        made = FIRST + timedelta(minutes=number, milliseconds=400)
        Environment.objects.filter(name=name).update(created_at=made)
    return ann


def names(client: ApiClient, **arguments: object) -> list[str]:
    answer = client.get("/environments", **arguments)
    assert answer.status_code == 200, answer.content
    return [environment["name"] for environment in answer.json()["environments"]]


def follow(client: ApiClient, path: str, collection: str, **arguments: object) -> list[Any]:
    """Read all pages by their links."""
    body = client.get(path, **arguments).json()
    found = body[collection]
    while "next" in body:
        url = urlsplit(body["next"])
        body = client.raw("GET", f"{url.path}?{url.query}").json()
        found += body[collection]
    return list(found)


@pytest.mark.parametrize(
    "sort_keys", ["created_at", "name", "description", "id", "description,name"]
)
@pytest.mark.parametrize("sort_dirs", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 4])
def test_pages_are_the_whole_list_in_order(
    many: ApiClient, sort_keys: str, sort_dirs: str, limit: int
) -> None:
    whole = names(many, sort_keys=sort_keys, sort_dirs=sort_dirs)
    pages = follow(
        many, "/environments", "environments",
        sort_keys=sort_keys, sort_dirs=sort_dirs, limit=limit,
    )  # fmt: skip
    assert sorted(whole) == sorted(NAMES)
    assert [environment["name"] for environment in pages] == whole


def test_order_by_default_is_that_of_creation(many: ApiClient) -> None:
    assert names(many) == list(NAMES)
    assert names(many, sort_keys="NAME", sort_dirs="desc") == sorted(NAMES, reverse=True)


def test_a_link_comes_with_a_full_page_only(many: ApiClient) -> None:
    assert "next" in many.get("/environments", limit=6).json()
    assert "next" not in many.get("/environments", limit=7).json()


def test_the_link_repeats_what_shaped_the_page(many: ApiClient) -> None:
    body = many.get(
        "/environments/", sort_keys="name", sort_dirs="desc", limit=2, name="in:a,c%,d,x/y",
        fields="name",
    ).json()  # fmt: skip
    link = body["next"]
    assert link.startswith("http://testserver/v2/environments?")
    query = link.partition("?")[2]
    for part in ("sort_keys=name,id", "sort_dirs=desc,asc", "limit=2", "fields=id,name"):
        assert part in query.split("&")
    assert "name=in:a,c%25,d,x%2Fy" in query
    assert parse_qs(query)["marker"] == [body["environments"][-1]["id"]]


def test_a_page_has_a_cap(many: ApiClient, settings: Settings) -> None:
    settings.LEVANTE_PAGE_LIMIT = 4
    assert len(names(many)) == 4
    assert len(names(many, limit=5)) == 4
    assert "limit=4" in many.get("/environments", limit=5).json()["next"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"limit": 0}, "Limit must be positive."),
        ({"limit": -1}, "Limit must be positive."),
        ({"limit": "abc"}, "Invalid input for field/attribute limit. Value: 'abc'. "),
        ({"marker": "abc"}, "Invalid input for field/attribute marker. Value: 'abc'. "),
        ({"sort_keys": "colour"}, "Unknown sort key [colour]"),
        ({"sort_keys": "variables"}, "Unknown sort key [variables]"),
        ({"sort_dirs": "up"}, "Unknown sort direction, must be 'desc' or 'asc'."),
        (
            {"sort_keys": "id,id", "sort_dirs": "asc,asc"},
            "Length of sort_keys must be equal or greater than sort_dirs.",
        ),
        ({"fields": "name,colour"}, "Some fields do not exist  [colour], please choose from [id, "),
        ({"colour": "red"}, 'Unknown argument: "colour"'),
        ({"created_at": "gt:yesterday"}, "Invalid input for field/attribute created_at."),
        ({"variables": "[1]"}, "JsonType field value must be a dictionary"),
        ({"variables": "has:{}"}, "The filter variables does not support the operator has"),
        ({"name": "\x00"}, "Text must not contain the character U+0000"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    many: ApiClient, arguments: dict[str, object], text: str
) -> None:
    answer = many.get("/environments", **arguments)
    assert answer.status_code == 400
    assert fault(answer).startswith(text)


def test_an_unknown_marker_is_a_404(many: ApiClient) -> None:
    missing = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
    assert many.get("/environments", marker=missing).status_code == 404


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", ["a"]),
        ("eq:a", ["a"]),
        ("neq:a", ["b_b", "bxb", "c%", "d", "train"]),
        ("gt:c%", ["d", "train"]),
        ("gte:d", ["d", "train"]),
        ("lt:b", ["a"]),
        ("in:a,d,x", ["a", "d"]),
        ("nin:a,d,train", ["b_b", "bxb", "c%"]),
        ("has:_", ["b_b"]),
        ("has:%", ["c%"]),
        ("has:ra", ["train"]),
        ("has:RA", []),
        ("like:a", []),
        ("eq:in:a", []),
        ("", []),
    ],
)
def test_text_is_filtered_by_operators(many: ApiClient, name: str, expected: list[str]) -> None:
    assert sorted(names(many, name=name)) == expected


@pytest.mark.parametrize(
    ("created_at", "expected"),
    [
        ("2026-01-02 03:04:05", ["a"]),
        ("eq:2026-01-02T03:05:05", ["b_b"]),
        ("gt:2026-01-02 03:07:05", ["d", "train"]),
        ("gte:2026-01-02 03:08:05", ["d", "train"]),
        ("gt:2026-01-02 03:07", ["c%", "d", "train"]),
        ("gt:2026-01-03", []),
        ("gt:2026-01-02T04:07:05+01:00", ["d", "train"]),
        ("lt:2026-01-02 03:05:05", ["a"]),
        ("lte:2026-01-02 03:05:05", ["a", "b_b"]),
        ("in:2026-01-02 03:04:05,2026-01-02 03:05:05", ["a", "b_b"]),
        ("neq:2026-01-02 03:04:05", ["b_b", "bxb", "c%", "d", "train"]),
    ],
)
def test_dates_are_filtered_by_whole_seconds_as_they_are_shown(
    many: ApiClient, created_at: str, expected: list[str]
) -> None:
    assert sorted(names(many, created_at=created_at)) == expected


def test_a_filter_for_not_equal_leaves_out_rows_without_a_value(many: ApiClient) -> None:
    assert names(many, description="neq:number 1") == ["c%", "train"]
    assert names(many, description="nin:number 3") == ["b_b", "train"]


def test_json_is_compared_as_a_whole(many: ApiClient) -> None:
    assert names(many, variables='{"n": 2}') == ["bxb"]
    assert names(many, variables="{}") == []
    assert len(names(many, variables='neq:{"n": 2}')) == 5


def test_filters_are_combined(many: ApiClient) -> None:
    assert names(many, name="has:b", description="has:number") == ["b_b"]


def test_an_argument_given_twice_counts_once(many: ApiClient) -> None:
    answer = many.raw("GET", "/v2/environments?name=a&name=d")
    assert [found["name"] for found in answer.json()["environments"]] == ["d"]


def test_fields_choose_what_is_shown_and_the_id_is_always_there(many: ApiClient) -> None:
    (shown,) = many.get("/environments", name="a", fields="scope,name").json()["environments"]
    assert list(shown) == ["id", "name", "scope"]
    one = many.get("/environments/a", fields="variables").json()
    assert one == {"id": shown["id"], "variables": '{"n": 0}'}


TAGGED = """
version: '2.0'
first: {tags: [Red, blue], tasks: {t: {action: std.noop}}}
second: {tags: [red], tasks: {t: {action: std.noop}}}
third: {tasks: {t: {action: std.noop}}}
"""


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("Red", ["first"]),
        ("blue,Red", ["first"]),
        ("red", ["second"]),
        ("has:red", ["second"]),
        ("eq:blue", ["first"]),
        ("red,blue", []),
    ],
)
def test_tags_must_all_be_there(ann: ApiClient, tags: str, expected: list[str]) -> None:
    ann.post("/workflows", TAGGED)
    found = ann.get("/workflows", tags=tags).json()["workflows"]
    assert [workflow["name"] for workflow in found] == expected
    assert ann.get("/workflows", tags="in:red").status_code == 400


THREE = """
version: '2.0'
three:
  tags: [t]
  tasks:
    items:
      with-items: i in [1, 2, 3]
      concurrency: 2
      action: std.async_noop
    beside: {action: std.async_noop}
"""


@pytest.fixture
def running(ann: ApiClient) -> WorkflowExecution:
    return start(THREE, caller=ann.caller)


@pytest.mark.parametrize(
    ("path", "collection"),
    [
        ("/workflows", "workflows"),
        ("/executions", "executions"),
        ("/tasks", "tasks"),
        ("/action_executions", "action_executions"),
        ("/actions", "actions"),
        ("/workbooks", "workbooks"),
    ],
)
def test_each_list_can_be_read_in_pages(
    ann: ApiClient, running: WorkflowExecution, path: str, collection: str
) -> None:
    for number in range(3):
        ann.post("/workbooks", f"version: '2.0'\nname: book{number}\n")
        start(THREE.replace("three:", f"w{number}:"), caller=ann.caller)
        ann.post("/actions", f"version: '2.0'\nact{number}: {{base: std.noop}}\n")
    whole = ann.get(path).json()[collection]
    pages = follow(ann, path, collection, limit=2)
    assert len(whole) >= 3
    assert pages == whole


def test_nested_lists_keep_their_path_in_the_link(
    ann: ApiClient, running: WorkflowExecution
) -> None:
    path = f"/executions/{running.pk}/tasks"
    body = ann.get(path, limit=1).json()
    assert body["next"].startswith(f"http://testserver/v2{path}?")
    assert len(follow(ann, path, "tasks", limit=1)) == 2


def test_items_that_may_not_start_yet_are_not_shown(
    ann: ApiClient, running: WorkflowExecution
) -> None:
    assert ActionExecution.objects.filter(state="IDLE").count() == 1
    task = TaskExecution.objects.get(name="items")
    for path in ("/action_executions", f"/tasks/{task.pk}/action_executions"):
        states = [found["state"] for found in ann.get(path).json()["action_executions"]]
        assert set(states) == {"RUNNING"}
    idle = ActionExecution.objects.get(state="IDLE")
    assert ann.get(f"/action_executions/{idle.pk}").status_code == 404


def test_ids_and_flags_are_filtered(ann: ApiClient, running: WorkflowExecution) -> None:
    task = TaskExecution.objects.get(name="beside")
    missing = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"

    def count(**arguments: object) -> int:
        return len(ann.get("/action_executions", **arguments).json()["action_executions"])

    assert count(task_execution_id=task.pk) == 1
    assert count(task_execution_id=f"neq:{task.pk}") == 2
    assert count(task_execution_id=f"in:{task.pk},{missing}") == 1
    assert count(task_execution_id=f"nin:{task.pk}") == 2
    assert count(accepted="false") == 3
    assert count(accepted="true") == 0
    assert count(task_name="beside") == 1
    assert count(workflow_name="three") == 3
    assert ann.get("/action_executions", task_execution_id="x").status_code == 400
    assert ann.get("/action_executions", task_execution_id=f"gt:{missing}").status_code == 400


def test_executions_are_filtered_by_nulls(ann: ApiClient, running: WorkflowExecution) -> None:
    def count(nulls: str) -> int:
        return len(ann.get("/executions", nulls=nulls).json()["executions"])

    assert count("task_execution_id,root_execution_id") == 1
    assert count("description") == 0
    assert ann.get("/executions", nulls="state").status_code == 400
    assert ann.get("/executions", nulls="colour").status_code == 400


def test_output_is_shown_in_lists_on_request_only(
    ann: ApiClient, running: WorkflowExecution
) -> None:
    def shown(path: str, **arguments: object) -> bool:
        (first, *_) = ann.get(path, **arguments).json()[path.strip("/")]
        return "output" in first

    for path in ("/executions", "/action_executions"):
        assert not shown(path)
        assert not shown(path, include_output="false")
        assert not shown(path, include_output="")
        assert shown(path, include_output="true")
        assert shown(path, fields="output")
        link = ann.get(path, limit=1, include_output="True").json()["next"]
        assert "include_output=True" in link


def test_filters_reach_into_input_and_params(ann: ApiClient, running: WorkflowExecution) -> None:
    WorkflowExecution.objects.update(input={"b": 1, "a": [1, {"c": None}]})

    def count(**arguments: object) -> int:
        return len(ann.get("/executions", **arguments).json()["executions"])

    assert count(input='{"a": [1, {"c": null}], "b": 1}') == 1
    assert count(input='{"b": 1}') == 0
    assert count(params='{"env": {}, "namespace": ""}') == 1
    assert count(output="{}") == 1
    assert count(output="neq:{}") == 0
    assert count(output='neq:{"a": 1}') == 1
    WorkflowExecution.objects.update(output={"a": 1})
    assert count(output="{}") == 0
    assert count(output="neq:{}") == 1
    assert count(output='{"a": 1}') == 1
    assert count(workflow_id=WorkflowDefinition.objects.get().pk) == 1
