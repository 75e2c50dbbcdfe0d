"""The paths below /v2; each works with and without a slash at its end."""

from __future__ import annotations

from django.urls import URLPattern, re_path

from workflows.api.v2.action_executions import (
    ActionExecutionsView,
    ActionExecutionView,
    TaskActionExecutionsView,
    TaskActionExecutionView,
)
from workflows.api.v2.actions import ActionsView, ActionView
from workflows.api.v2.code_sources import CodeSourcesView, CodeSourceView
from workflows.api.v2.cron_triggers import CronTriggersView, CronTriggerView
from workflows.api.v2.dynamic_actions import DynamicActionsView, DynamicActionView
from workflows.api.v2.environments import EnvironmentsView, EnvironmentView
from workflows.api.v2.event_triggers import EventTriggersView, EventTriggerView
from workflows.api.v2.events import EventsView
from workflows.api.v2.execution_trees import ReportView, SubExecutionsView, TaskSubExecutionsView
from workflows.api.v2.executions import ExecutionsView, ExecutionView
from workflows.api.v2.members import MembersView, MemberView
from workflows.api.v2.tasks import ExecutionTasksView, TaskExecutionsView, TasksView, TaskView
from workflows.api.v2.validation import (
    ActionsValidationView,
    WorkbooksValidationView,
    WorkflowsValidationView,
)
from workflows.api.v2.workbooks import WorkbooksView, WorkbookView
from workflows.api.v2.workflows import WorkflowsView, WorkflowView
from workflows.api.views import ApiView

_ONE = r"(?P<identifier>[^/]+)"
_NAME = r"(?P<name>[^/]+)"
_CHANNEL = r"(?P<exchange>[^/]+)/(?P<topic>[^/]+)"


def _path(pattern: str, view: type[ApiView]) -> URLPattern:
    return re_path(rf"^{pattern}/?$", view.as_view())


urlpatterns = [
    _path("workbooks", WorkbooksView),
    _path("workbooks/validate", WorkbooksValidationView),
    _path(f"workbooks/{_NAME}", WorkbookView),
    _path("workflows", WorkflowsView),
    _path("workflows/validate", WorkflowsValidationView),
    _path(f"workflows/{_ONE}", WorkflowView),
    _path(f"workflows/{_ONE}/members", MembersView),
    _path(f"workflows/{_ONE}/members/(?P<member>[^/]+)", MemberView),
    _path("actions", ActionsView),
    _path("actions/validate", ActionsValidationView),
    _path(f"actions/{_ONE}", ActionView),
    _path(f"actions/{_ONE}/(?P<namespace>[^/]+)", ActionView),
    _path("executions", ExecutionsView),
    _path(f"executions/{_ONE}", ExecutionView),
    _path(f"executions/{_ONE}/tasks", ExecutionTasksView),
    _path(f"executions/{_ONE}/executions", SubExecutionsView),
    _path(f"executions/{_ONE}/report", ReportView),
    _path("tasks", TasksView),
    _path(f"tasks/{_ONE}", TaskView),
    _path(f"tasks/{_ONE}/action_executions", TaskActionExecutionsView),
    _path(f"tasks/(?P<task_id>[^/]+)/action_executions/{_ONE}", TaskActionExecutionView),
    _path(f"tasks/{_ONE}/workflow_executions", TaskExecutionsView),
    _path(f"tasks/{_ONE}/executions", TaskSubExecutionsView),
    _path("action_executions", ActionExecutionsView),
    _path(f"action_executions/{_ONE}", ActionExecutionView),
    _path("code_sources", CodeSourcesView),
    _path(f"code_sources/{_ONE}", CodeSourceView),
    _path("cron_triggers", CronTriggersView),
    _path(f"cron_triggers/{_ONE}", CronTriggerView),
    _path("event_triggers", EventTriggersView),
    _path(f"event_triggers/{_ONE}", EventTriggerView),
    _path(f"events/{_CHANNEL}", EventsView),
    _path(f"events/{_CHANNEL}/(?P<event_type>[^/]+)", EventsView),
    _path("dynamic_actions", DynamicActionsView),
    _path(f"dynamic_actions/{_ONE}", DynamicActionView),
    _path("environments", EnvironmentsView),
    _path(f"environments/{_NAME}", EnvironmentView),
]
