"""The table of who may do what: each route and method, with the status for each kind of caller.

A new route needs a row here (tests/api/test_matrix.py says so). A row names the least role, a
recipe that makes what the request is about, and the status for each relation of the caller to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from tests.api import recipes
from workflows.models import Role


class Owner(StrEnum):
    """How an object stands to the project of the caller."""

    OWN = "own"
    PUBLIC = "public"  # of another project, for everybody
    PRIVATE = "private"  # of another project
    SHARED = "shared"  # of another project, which the caller's is an accepted member of


# Which kinds of objects there are in which relations.
SHAREABLE: Final = (Owner.OWN, Owner.PUBLIC, Owner.PRIVATE, Owner.SHARED)
SCOPED: Final = (Owner.OWN, Owner.PUBLIC, Owner.PRIVATE)
ALWAYS_PRIVATE: Final = (Owner.OWN, Owner.PRIVATE)
WITHOUT_OWNER: Final = (Owner.OWN,)

Statuses = Mapping[Owner, int]


@dataclass(frozen=True)
class Row:
    """One route and method.

    `make` makes the object in the project of its owner and gives path, body and, for a list, the
    id that stands in it if the caller may see it. `statuses` are those of a caller whose role is
    enough; an administrator gets `admin`, for each relation or for all of them.
    """

    method: str
    template: str
    role: Role
    make: Callable[[recipes.Setting], recipes.Request]
    statuses: Statuses
    admin: int | Statuses

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def status(self, role: Role | None, owner: Owner) -> int:
        """Give the status that a caller of this role gets; None is a caller without a token."""
        if role is None:
            return 401
        if list(Role).index(role) < list(Role).index(self.role):
            return 403
        if role is not Role.ADMIN:
            return self.statuses[owner]
        return self.admin if isinstance(self.admin, int) else self.admin[owner]


def own(status: int, *, public: int = 0, private: int = 404, shared: int = 0) -> dict[Owner, int]:
    """Write the statuses of a row; 0 is a relation that this kind of object does not have."""
    given = {Owner.OWN: status, Owner.PUBLIC: public, Owner.PRIVATE: private, Owner.SHARED: shared}
    return {owner: code for owner, code in given.items() if code}


def read(template: str, make: Any, statuses: Statuses) -> Row:
    return Row("GET", template, Role.VIEWER, make, statuses, statuses[Owner.OWN])


def change(
    method: str, template: str, make: Any, statuses: Statuses, role: Role = Role.AUTHOR
) -> Row:
    return Row(method, template, role, make, statuses, statuses[Owner.OWN])


def run(method: str, template: str, make: Any, statuses: Statuses) -> Row:
    return change(method, template, make, statuses, Role.OPERATOR)


def admins(
    method: str, template: str, make: Any, status: int, statuses: Statuses | None = None
) -> Row:
    """Nobody but administrators."""
    return Row(method, template, Role.ADMIN, make, statuses or own(403, private=403), status)


# What everybody may read and only the owner change.
_READ_SHARED: Final = own(200, public=200, shared=200)
_READ_SCOPED: Final = own(200, public=200)
_READ_PRIVATE: Final = own(200)
# A list is always there; what stands in it depends on the relation.
_LIST_SHARED: Final = own(200, public=200, private=200, shared=200)
_LIST_SCOPED: Final = own(200, public=200, private=200)
_LIST_PRIVATE: Final = own(200, private=200)
_FREE: Final = {Owner.OWN: 200}
_NEW: Final = {Owner.OWN: 201}


def edit(status: int, *, is_shareable: bool = False) -> dict[Owner, int]:
    """Only the owner changes it; what is visible and foreign is 403, what is not visible 404."""
    return own(status, public=403, shared=403 if is_shareable else 0)


TABLE: Final[tuple[Row, ...]] = (
    read("v2/workflows", recipes.list_of("workflow"), _LIST_SHARED),
    change("POST", "v2/workflows", recipes.upload_workflow, _NEW),
    change("PUT", "v2/workflows", recipes.update_workflow_by_name, edit(200, is_shareable=True)),
    Row("POST", "v2/workflows/validate", Role.VIEWER, recipes.validate_workflow, _FREE, 200),
    read("v2/workflows/{identifier}", recipes.one("workflow"), _READ_SHARED),
    change(
        "PUT", "v2/workflows/{identifier}", recipes.update_workflow, edit(200, is_shareable=True)
    ),
    change(
        "DELETE", "v2/workflows/{identifier}", recipes.one("workflow"), edit(204, is_shareable=True)
    ),
    # Who has no part in the sharing sees a list without members.
    read(
        "v2/workflows/{identifier}/members",
        recipes.members,
        own(200, private=200, shared=200),
    ),
    Row(
        "POST",
        "v2/workflows/{identifier}/members",
        Role.AUTHOR,
        recipes.new_member,
        own(201, public=403, shared=403),
        own(201, public=400, private=201, shared=201),
    ),
    # The object is the relation: its workflow's project owns it, its member's project shares it.
    Row(
        "GET", "v2/workflows/{identifier}/members/{member}", Role.VIEWER, recipes.member,
        own(200, shared=200), 200,
    ),
    Row(
        "PUT", "v2/workflows/{identifier}/members/{member}", Role.AUTHOR, recipes.member_answer,
        own(404, shared=200), own(404, shared=200),
    ),
    Row(
        "DELETE", "v2/workflows/{identifier}/members/{member}", Role.AUTHOR, recipes.member,
        own(204, shared=404), 204,
    ),
    read("v2/workbooks", recipes.list_of("workbook"), _LIST_SCOPED),
    change("POST", "v2/workbooks", recipes.upload_workbook, _NEW),
    change("PUT", "v2/workbooks", recipes.update_workbook, edit(200)),
    Row("POST", "v2/workbooks/validate", Role.VIEWER, recipes.validate_workbook, _FREE, 200),
    read("v2/workbooks/{name}", recipes.one("workbook", "name"), _READ_SCOPED),
    change("DELETE", "v2/workbooks/{name}", recipes.one("workbook", "name"), edit(204)),
    read("v2/actions", recipes.list_of("action"), _LIST_SCOPED),
    change("POST", "v2/actions", recipes.upload_action, _NEW),
    change("PUT", "v2/actions", recipes.update_action_by_name, edit(200)),
    Row("POST", "v2/actions/validate", Role.VIEWER, recipes.validate_action, _FREE, 200),
    read("v2/actions/{identifier}", recipes.one("action", "name"), _READ_SCOPED),
    change("PUT", "v2/actions/{identifier}", recipes.update_action, edit(200)),
    change("DELETE", "v2/actions/{identifier}", recipes.one("action"), edit(204)),
    read("v2/actions/{identifier}/{namespace}", recipes.spaced_action, _READ_SCOPED),
    change("PUT", "v2/actions/{identifier}/{namespace}", recipes.update_spaced_action, edit(200)),
    change("DELETE", "v2/actions/{identifier}/{namespace}", recipes.spaced_action, edit(204)),
    read("v2/environments", recipes.list_of("environment"), _LIST_SCOPED),
    change("POST", "v2/environments", recipes.new_environment, _NEW),
    change("PUT", "v2/environments", recipes.update_environment, edit(200)),
    read("v2/environments/{name}", recipes.one("environment", "name"), _READ_SCOPED),
    change("DELETE", "v2/environments/{name}", recipes.one("environment", "name"), edit(204)),
    read("v2/cron_triggers", recipes.list_of("cron_trigger"), _LIST_SCOPED),
    # The object is the workflow that is started, here and for event triggers.
    change(
        "POST", "v2/cron_triggers", recipes.new_cron_trigger, own(201, public=201, shared=201)
    ),
    read("v2/cron_triggers/{identifier}", recipes.one("cron_trigger"), _READ_SCOPED),
    change("DELETE", "v2/cron_triggers/{identifier}", recipes.one("cron_trigger"), edit(204)),
    read("v2/event_triggers", recipes.list_of("event_trigger"), _LIST_SCOPED),
    change(
        "POST", "v2/event_triggers", recipes.new_event_trigger, own(201, public=201, shared=201)
    ),
    read("v2/event_triggers/{identifier}", recipes.one("event_trigger"), _READ_SCOPED),
    change("PUT", "v2/event_triggers/{identifier}", recipes.rename_event_trigger, edit(200)),
    change("DELETE", "v2/event_triggers/{identifier}", recipes.one("event_trigger"), edit(204)),
    run("POST", "v2/events/{exchange}/{topic}", recipes.send_event, _FREE),
    run("POST", "v2/events/{exchange}/{topic}/{event_type}", recipes.send_typed_event, _FREE),
    read("v2/executions", recipes.list_of("execution"), _LIST_PRIVATE),
    # The object is the workflow that is started.
    run("POST", "v2/executions", recipes.start, own(201, public=201, shared=201)),
    read("v2/executions/{identifier}", recipes.one("execution"), _READ_PRIVATE),
    run("PUT", "v2/executions/{identifier}", recipes.describe_execution, _READ_PRIVATE),
    run("DELETE", "v2/executions/{identifier}", recipes.finished_execution, own(204)),
    read("v2/executions/{identifier}/tasks", recipes.below("execution", "tasks"), _READ_PRIVATE),
    read(
        "v2/executions/{identifier}/executions",
        recipes.below("execution", "executions"),
        _READ_PRIVATE,
    ),
    read("v2/executions/{identifier}/report", recipes.below("execution", "report"), _READ_PRIVATE),
    read("v2/tasks", recipes.list_of("task"), _LIST_PRIVATE),
    read("v2/tasks/{identifier}", recipes.one("task"), _READ_PRIVATE),
    run("PUT", "v2/tasks/{identifier}", recipes.rerun, _READ_PRIVATE),
    read("v2/tasks/{identifier}/executions", recipes.below("task", "executions"), _READ_PRIVATE),
    # These two lists are there for every id; what stands in them depends on the relation.
    read("v2/tasks/{identifier}/action_executions", recipes.actions_of_task, _LIST_PRIVATE),
    read("v2/tasks/{identifier}/workflow_executions", recipes.executions_of_task, _LIST_PRIVATE),
    read(
        "v2/tasks/{task_id}/action_executions/{identifier}", recipes.action_of_task, _READ_PRIVATE
    ),
    read("v2/action_executions", recipes.list_of("action_execution"), _LIST_PRIVATE),
    # The object is the action that is run. Its name is looked up like those in definitions, which
    # see no other project, whoever starts it.
    Row(
        "POST", "v2/action_executions", Role.OPERATOR, recipes.run_action,
        own(201, public=201, private=400), own(201, public=201, private=400),
    ),
    read("v2/action_executions/{identifier}", recipes.one("action_execution"), _READ_PRIVATE),
    run("PUT", "v2/action_executions/{identifier}", recipes.complete_action, _READ_PRIVATE),
    run("DELETE", "v2/action_executions/{identifier}", recipes.finished_action, own(204)),
    # By default administrators see the code of all projects, and nobody else sees any.
    admins("GET", "v2/code_sources", recipes.list_of("code_source"), 200),
    admins("POST", "v2/code_sources", recipes.new_code_source, 201, _NEW),
    admins("PUT", "v2/code_sources", recipes.update_code_source_by_name, 200),
    admins("GET", "v2/code_sources/{identifier}", recipes.one("code_source"), 200),
    admins("PUT", "v2/code_sources/{identifier}", recipes.update_code_source, 200),
    admins("DELETE", "v2/code_sources/{identifier}", recipes.one("code_source"), 204),
    admins("GET", "v2/dynamic_actions", recipes.list_of("dynamic_action"), 200),
    admins("POST", "v2/dynamic_actions", recipes.new_dynamic_action, 201, _NEW),
    admins("PUT", "v2/dynamic_actions", recipes.update_dynamic_action, 200),
    admins("GET", "v2/dynamic_actions/{identifier}", recipes.one("dynamic_action"), 200),
    admins("DELETE", "v2/dynamic_actions/{identifier}", recipes.one("dynamic_action"), 204),
    admins("GET", "metrics", recipes.metrics, 200, {Owner.OWN: 403}),
    admins("GET", "maintenance", recipes.maintenance, 200, _FREE),
    admins("PUT", "maintenance", recipes.end_maintenance, 200, _FREE),
)  # fmt: skip

# Works without a token. A POST to identity/v3/auth/tokens does so, too: it is the log-in.
OPEN: Final = frozenset(
    {"", "v2", "healthz", "readyz", "healthcheck", "info", "identity", "identity/v3"}
)
# Of these tests/api/test_identity.py says who sees what.
ELSEWHERE: Final = "identity/"
