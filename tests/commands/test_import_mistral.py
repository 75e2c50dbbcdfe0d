"""`manage.py import_mistral`: from a server on loopback, that plays Mistral, into a project."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from tests.api_client import make_client
from workflows.models import (
    ActionDefinition,
    CronTrigger,
    Environment,
    EventTrigger,
    Project,
    Role,
    WorkbookDefinition,
    WorkflowDefinition,
)
from workflows.services.definitions.workflow_uploads import update_workflows
from workflows.services.executions.executions import start_execution
from workflows.services.identity.identity import forget_callers

pytestmark = pytest.mark.django_db(transaction=True)

WORKFLOWS = """
version: '2.0'
# what the first one is for
alpha:
  tags: [nightly]
  tasks: {t: {action: greet name=Ann}}
beta:
  tasks: {t: {workflow: alpha}}
"""
ACTIONS = """
version: '2.0'
greet:
  input: [name]
  base: std.echo
  base-input: {output: <% $.name %>}
part: {base: std.noop}
"""
BOOK = """
version: '2.0'
name: book
actions:
  say: {base: std.echo output=hi}
workflows:
  one: {tasks: {t: {action: say, on-success: u}, u: {workflow: two}}}
  two: {tasks: {t: {action: std.noop}}}
"""
PASSWORD = "geheim-im-tresor"


def alpha_of(dump: dict[str, Any]) -> dict[str, Any]:
    """The workflow alpha of the default namespace; workflows of one text come in any order."""
    found: list[dict[str, Any]] = dump["workflows"]
    return next(one for one in found if one["name"] == "alpha" and not one.get("namespace"))


@pytest.fixture
def source(live_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server whose project blue has one of everything."""
    forget_callers()
    blue = make_client("blue", Role.ADMIN)
    assert blue.post("/workflows?scope=public", WORKFLOWS).status_code == 201
    assert blue.post("/workflows?namespace=south", WORKFLOWS).status_code == 201
    assert blue.post("/actions", ACTIONS).status_code == 201
    assert blue.post("/workbooks?namespace=south", BOOK).status_code == 201
    environment = {"name": "staging", "variables": {"password": PASSWORD}, "description": "d"}
    assert blue.post("/environments", environment).status_code == 201
    Project.objects.create(name="red")
    monkeypatch.setenv("OS_AUTH_TOKEN", blue.token)
    yield live_server.url
    forget_callers()


def run(*arguments: object) -> str:
    output = io.StringIO()
    call_command("import_mistral", *map(str, arguments), "--project", "red", stdout=output)
    return output.getvalue()


def red() -> Project:
    return Project.objects.get(name="red")


def test_everything_is_taken_over(source: str) -> None:
    text = run(source)
    assert "8 made, 0 updated, 0 same, 0 differs, 0 left, 0 refused" in text
    workflows = {
        (one.name, one.namespace): one for one in WorkflowDefinition.objects.filter(project=red())
    }
    members = {("book.one", "south"), ("book.two", "south")}
    plain = {(name, place) for name in ("alpha", "beta") for place in ("", "south")}
    assert workflows.keys() == members | plain
    assert workflows["alpha", ""].scope == "public"
    assert workflows["alpha", "south"].scope == "private"
    assert workflows["alpha", ""].tags == ["nightly"]
    assert workflows["book.one", "south"].workbook_name == "book"
    assert WorkbookDefinition.objects.get(project=red()).text == BOOK
    actions = ActionDefinition.objects.filter(project=red())
    assert sorted(actions.values_list("name", flat=True)) == ["book.say", "greet", "part"]
    environment = Environment.objects.get(project=red())
    assert environment.variables == {"password": PASSWORD}
    assert environment.description == "d"


def test_a_second_run_finds_everything_the_same(source: str) -> None:
    run(source)
    revisions = WorkflowDefinition.objects.values_list("revision_id", flat=True)
    before = set(revisions.all())
    only = ("--source-project", Project.objects.get(name="blue").pk)
    lines = run(source, *only).splitlines()
    assert {line.split()[0] for line in lines[:-1]} == {"same"}
    assert lines[-1].startswith("0 made, 0 updated")
    assert set(revisions.all()) == before


def test_a_dry_run_reports_the_same_and_writes_nothing(source: str) -> None:
    planned = run(source, "--dry-run")
    assert not WorkflowDefinition.objects.filter(project=red()).exists()
    assert not Environment.objects.filter(project=red()).exists()
    assert planned.replace(" (dry run: nothing was written)", "") == run(source)


def test_what_differs_is_kept_unless_an_update_is_asked_for(source: str) -> None:
    run(source)
    blue = make_client("blue", Role.ADMIN).caller
    changed = WORKFLOWS.replace("name=Ann", "name=Bo")
    update_workflows(caller=blue, text=changed, scope="private")
    only = ("--source-project", Project.objects.get(name="blue").pk)
    text = run(source, *only)
    assert "differs  workflow alpha: content and scope\n" in text
    assert "differs  workflow beta: scope\n" in text
    alpha = WorkflowDefinition.objects.get(project=red(), name="alpha", namespace="")
    assert alpha.revision is not None
    assert "name=Ann" in alpha.revision.text
    assert "updated  workflow alpha: content and scope\n" in run(source, *only, "--update")
    alpha.refresh_from_db()
    assert alpha.revision is not None
    assert "name=Bo" in alpha.revision.text
    assert alpha.revision.number == 2
    assert alpha.scope == "private"


def test_a_dump_says_the_same_as_the_server(source: str, tmp_path: Path) -> None:
    file = tmp_path / "mistral.json"
    file.write_text("an older one, which everybody may read")
    file.chmod(0o644)
    text = run(source, "--dump", file)
    assert "4 workflows" not in text
    assert "6 workflows, 1 environments" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not WorkflowDefinition.objects.filter(project=red()).exists()
    assert run("--from", file, "--dry-run") == run(source, "--dry-run")


def test_one_that_is_refused_does_not_stop_the_others(source: str, tmp_path: Path) -> None:
    file = tmp_path / "mistral.json"
    run(source, "--dump", file)
    dump = json.loads(file.read_text())
    alpha_of(dump)["definition"] = "version: '2.0'\nalpha: {tasks: {t: {action: [1]}}}"
    dump["environments"].insert(0, {"name": "broken", "variables": "{"})
    file.write_text(json.dumps(dump))
    output = io.StringIO()
    with pytest.raises(CommandError, match="2 objects were refused"):
        call_command("import_mistral", "--from", str(file), "--project", "red", stdout=output)
    text = output.getvalue()
    assert "refused  workflow alpha" in text
    assert "tasks.t.action" in text
    assert "refused  environment broken: its variables is not JSON" in text
    assert "made     workflow beta\n" in text
    assert "made     environment staging\n" in text


def test_members_without_their_workbook_and_parts_of_documents_are_made_whole(
    source: str, tmp_path: Path
) -> None:
    """Mistral keeps a member's text without version and name, and whole documents of actions."""
    file = tmp_path / "mistral.json"
    run(source, "--dump", file)
    dump = json.loads(file.read_text())
    dump["workbooks"] = []
    file.write_text(json.dumps(dump))
    texts = {one["name"]: one["definition"] for one in dump["workflows"] + dump["actions"]}
    assert texts["book.two"].startswith("two:")
    assert "part" in texts["greet"]
    run("--from", file)
    orphan = WorkflowDefinition.objects.get(project=red(), name="book.two")
    execution = start_execution(project_id=red().pk, workflow=str(orphan.pk), input={}, params={})
    assert execution.workflow_name == "book.two"
    greet = ActionDefinition.objects.get(project=red(), name="greet")
    assert "part" not in greet.text


def test_doubts_name_what_a_workflow_will_miss(source: str, tmp_path: Path) -> None:
    file = tmp_path / "mistral.json"
    run(source, "--dump", file)
    dump = json.loads(file.read_text())
    dump["actions"] = []
    file.write_text(json.dumps(dump))
    text = run("--from", file, "--dry-run")
    assert "doubt    alpha: tasks.t.action: there is no action 'greet'" in text
    assert "doubt    beta" not in text
    assert "doubt" not in run(source, "--dry-run")


def test_an_action_that_comes_with_mistral_is_left(source: str, tmp_path: Path) -> None:
    file = tmp_path / "mistral.json"
    run(source, "--dump", file)
    dump = json.loads(file.read_text())
    text = "version: '2.0'\nstd.wait_ssh: {base: std.ssh}"
    dump["actions"].append({"name": "std.wait_ssh", "definition": text, "scope": "public"})
    file.write_text(json.dumps(dump))
    assert "left     action std.wait_ssh: comes with Mistral\n" in run("--from", file)


def test_no_value_of_an_environment_is_shown(source: str) -> None:
    assert PASSWORD not in run(source)


@pytest.fixture
def triggers(source: str, tmp_path: Path) -> Path:
    """A dump with triggers as Mistral shows them."""
    file = tmp_path / "triggers.json"
    run(source, "--dump", file)
    dump = json.loads(file.read_text())
    ids = {(one["name"], one["namespace"]): one["id"] for one in dump["workflows"]}
    common = {"workflow_input": "{}", "workflow_params": "{}", "scope": "private"}
    once = (datetime.now(UTC) + timedelta(days=40)).strftime("%Y-%m-%d %H:%M:%S")
    dump["cron_triggers"] = [
        {
            **common,
            "name": "nightly",
            "workflow_name": "alpha",
            "workflow_id": ids["alpha", "south"],
            "workflow_params": '{"env": {"x": 1}}',
            "pattern": "0 3 * * *",
            "remaining_executions": 7,
            "first_execution_time": "2020-01-01 00:00:00",
        },
        {
            **common,
            "name": "once",
            "workflow_name": "beta",
            "workflow_id": ids["beta", ""],
            "pattern": "0 0 30 2 0",
            "remaining_executions": 1,
            "first_execution_time": once,
        },
    ]
    dump["event_triggers"] = [
        {
            **common,
            "name": None,
            "workflow_id": ids["beta", ""],
            "exchange": "nova",
            "topic": "notifications",
            "event": event,
        }
        for event in ("compute.start", "compute.end")
    ]
    file.write_text(json.dumps(dump))
    return file


def test_triggers_come_paused(triggers: Path) -> None:
    planned = run("--from", triggers, "--dry-run")
    text = run("--from", triggers)
    assert planned.replace(" (dry run: nothing was written)", "") == text
    assert text.count("made     event trigger") == 2
    nightly, once = CronTrigger.objects.filter(project=red()).order_by("name")
    assert (nightly.workflow_name, nightly.workflow_namespace) == ("alpha", "south")
    assert (nightly.pattern, nightly.remaining, nightly.first_time) == ("0 3 * * *", 7, None)
    assert nightly.params == {"env": {"x": 1}}
    assert (once.pattern, once.remaining) == (None, 1)
    assert once.first_time is not None
    workflow = WorkflowDefinition.objects.get(pk=once.workflow_id)
    assert (workflow.name, workflow.project) == ("beta", red())
    assert nightly.is_paused
    assert once.is_paused
    events = EventTrigger.objects.filter(project=red())
    assert {(one.event, one.is_paused) for one in events} == {
        ("compute.start", True),
        ("compute.end", True),
    }
    lines = run("--from", triggers).splitlines()
    assert {line.split()[0] for line in lines[:-1]} == {"same"}


def test_triggers_start_when_that_is_asked_for(triggers: Path) -> None:
    run("--from", triggers)
    text = run("--from", triggers, "--start-triggers")
    assert "updated  cron trigger nightly: started\n" in text
    assert "updated  event trigger compute.start: started\n" in text
    assert "updated  event trigger compute.end: started\n" in text
    assert not CronTrigger.objects.filter(is_paused=True).exists()
    assert not EventTrigger.objects.filter(is_paused=True).exists()
    assert "updated" not in run("--from", triggers, "--start-triggers").replace("0 updated", "")


def test_triggers_may_start_at_once(triggers: Path) -> None:
    run("--from", triggers, "--start-triggers")
    assert not CronTrigger.objects.get(name="nightly").is_paused
    assert not EventTrigger.objects.filter(is_paused=True).exists()


def test_a_trigger_that_differs_is_kept_unless_an_update_is_asked_for(triggers: Path) -> None:
    run("--from", triggers)
    dump = json.loads(triggers.read_text())
    dump["cron_triggers"][0]["pattern"] = "0 4 * * *"
    dump["event_triggers"][0]["workflow_params"] = '{"env": {"y": 2}}'
    triggers.write_text(json.dumps(dump))
    text = run("--from", triggers)
    assert "differs  cron trigger nightly: content\n" in text
    assert "differs  event trigger compute.start: content\n" in text
    run("--from", triggers, "--update")
    assert CronTrigger.objects.get(name="nightly").pattern == "0 4 * * *"
    assert EventTrigger.objects.get(event="compute.start").params == {"env": {"y": 2}}
    assert CronTrigger.objects.get(name="nightly").is_paused


def test_a_trigger_whose_time_or_workflow_is_gone_is_refused(triggers: Path) -> None:
    dump = json.loads(triggers.read_text())
    dump["cron_triggers"][1]["first_execution_time"] = "2020-01-01 00:00:00"
    dump["event_triggers"][0]["workflow_id"] = "nowhere"
    dump["event_triggers"][0]["workflow_name"] = "gamma"
    triggers.write_text(json.dumps(dump))
    output = io.StringIO()
    with pytest.raises(CommandError, match="2 objects were refused"):
        call_command("import_mistral", "--from", str(triggers), "--project", "red", stdout=output)
    assert "refused  cron trigger once: its only time has passed\n" in output.getvalue()
    assert (
        "refused  event trigger compute.start: its workflow 'gamma' is not here\n"
        in output.getvalue()
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "is no dump of this command"),
        ("nothing", "is not JSON"),
        ('{"format": "levante-mistral-dump", "version": 2}', "another version"),
        ('{"format": "levante-mistral-dump", "version": 1, "actions": {}}', "is not a list"),
        ('{"format": "levante-mistral-dump", "version": 1, "actions": [1]}', "no object"),
    ],
)
def test_a_file_that_is_no_dump_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "mistral.json"
    file.write_text(text)
    Project.objects.create(name="red")
    with pytest.raises(CommandError, match=reason):
        run("--from", file)


@pytest.mark.parametrize("arguments", [(), ("http://127.0.0.1:1", "--from", "x")])
def test_either_a_server_or_a_dump(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="either"):
        run(*arguments)


def test_an_unknown_project_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mistral.json"
    file.write_text('{"format": "levante-mistral-dump", "version": 1}')
    with pytest.raises(CommandError, match="There is no project 'red'"):
        run("--from", file)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://127.0.0.1/v2", "must begin with http"),
        ("http://ann:geheim@127.0.0.1:1/v2", r"^http://127.0.0.1:1/v2/actions cannot be reached"),
    ],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        run(url)


def test_a_token_that_is_not_good_is_said(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_AUTH_TOKEN", "wrong")
    with pytest.raises(CommandError, match="/v2/actions answers 401"):
        run(source)


class _Keystone(BaseHTTPRequestHandler):
    """Answers a log-in with the token that the server was given, if the password is right."""

    server: Any

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body))
        user = body["auth"]["identity"]["password"]["user"]
        answer = b'{"token": {"expires_at": "2099-01-01T00:00:00.000000Z"}}'
        self.send_response(201 if user["password"] == PASSWORD else 401)
        self.send_header("X-Subject-Token", self.server.token)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        """As a server that has moved to where it has no business."""
        self.server.asked.append((self.path, dict(self.headers)))
        self.send_response(302)
        self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_facts: Any) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def keystone(source: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), _Keystone) as server:
        keystone: Any = server
        keystone.token = make_client("blue", Role.ADMIN).token
        keystone.asked = []
        thread = Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.delenv("OS_AUTH_TOKEN")
        monkeypatch.setenv("OS_AUTH_URL", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("OS_USERNAME", "ann")
        monkeypatch.setenv("OS_PASSWORD", PASSWORD)
        monkeypatch.setenv("OS_PROJECT_NAME", "blue")
        yield keystone
        server.shutdown()
        thread.join()


def test_a_password_is_exchanged_for_a_token(source: str, keystone: Any) -> None:
    assert "made     workflow alpha" in run(source, "--dry-run")
    (path, body) = keystone.asked[0]
    assert path == "/v3/auth/tokens"
    assert body["auth"]["identity"]["password"]["user"] == {
        "name": "ann",
        "domain": {"name": "Default"},
        "password": PASSWORD,
    }
    assert body["auth"]["scope"]["project"] == {"name": "blue", "domain": {"name": "Default"}}


def test_a_wrong_password_is_refused_and_not_shown(
    source: str, keystone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "not-this-one")
    with pytest.raises(CommandError, match=r"refuses the login \(401\)") as refused:
        run(source)
    assert "not-this-one" not in str(refused.value)


def test_a_token_is_not_led_to_another_address(keystone: Any) -> None:
    """A client would take its header along."""
    with pytest.raises(CommandError, match="/v2/actions answers 302"):
        run(f"http://127.0.0.1:{keystone.server_port}")
    assert [path for path, _ in keystone.asked] == ["/v3/auth/tokens", "/v2/actions"]


def test_an_identity_service_that_does_not_answer_is_named(
    source: str, keystone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_AUTH_URL", "http://ann:geheim@127.0.0.1:1/")
    with pytest.raises(CommandError, match=r"^http://127.0.0.1:1 cannot be reached") as refused:
        run(source)
    assert "geheim" not in str(refused.value)


def test_long_lists_are_read_to_their_end(
    source: str, keystone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.services.mistral.server._PAGE", 2)
    assert run(source, "--dry-run").count("workflow ") == 4


def test_of_two_with_one_name_the_second_is_left(source: str, tmp_path: Path) -> None:
    file = tmp_path / "mistral.json"
    run(source, "--dump", file)
    dump = json.loads(file.read_text())
    dump["workflows"].append({**alpha_of(dump), "project_id": "another"})
    file.write_text(json.dumps(dump))
    text = run("--from", file)
    assert "made     workflow alpha\n" in text
    assert "left     workflow alpha: another project has one of the same name" in text
