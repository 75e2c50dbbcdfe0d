"""The validate endpoints: is this text a definition? The answer is always 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import read_any_arguments
from workflows.api.auth import caller_of
from workflows.api.bodies import read_text
from workflows.api.errors import describe
from workflows.api.operations import NAMESPACE, BodyKind, Operation
from workflows.api.views import ApiView, answer
from workflows.errors import Problem, SpecInvalid, WorkflowsError
from workflows.jsontypes import JSONObject
from workflows.language.parser import parse_actions, parse_workbook, parse_workflows
from workflows.language.specs import AdhocActionSpec, WorkflowSpec
from workflows.models import Role
from workflows.services.permitted import require_allowed_definitions
from workflows.services.review import StoredNames, review_workflows

_FINDINGS: Final[JSONObject] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "severity": {"type": "string", "enum": ["error", "warning"]},
            "path": {"type": "string"},
            "line": {"type": "integer"},
            "column": {"type": "integer"},
            "message": {"type": "string"},
            "hint": {"type": "string"},
        },
    },
}
_FOUND: Final[JSONObject] = {
    "type": "object",
    "properties": {
        "valid": {"type": "boolean"},
        "error": {"type": "string", "description": "All errors in one text."},
        "problems": _FINDINGS,
        "warnings": _FINDINGS,
    },
    "required": ["valid"],
}


def _checking(summary: str) -> Mapping[str, Operation]:
    return {
        "POST": Operation(summary, _FOUND, arguments=(NAMESPACE,), body=BodyKind.TEXT, more=(404,))
    }


class ValidationView(ApiView):
    """Checks a text of one kind of definition: every fault at once, and doubts as warnings."""

    roles = {"POST": Role.VIEWER}

    def review(self, request: Request, text: str) -> tuple[Problem, ...]:
        """Give the warnings about a text; raises what makes it no definition."""
        raise NotImplementedError

    def post(self, request: Request) -> HttpResponse:
        try:
            warnings = self.review(request, read_text(request))
        except SpecInvalid as error:
            problems = [render_problem(problem) for problem in error.problems]
            return answer({"valid": False, "error": describe(error), "problems": problems})
        except WorkflowsError as error:
            return answer({"valid": False, "error": describe(error)})
        return answer({"valid": True, "warnings": [render_problem(one) for one in warnings]})


class WorkflowsValidationView(ValidationView):
    operations = _checking("Check the text of workflows")

    def review(self, request: Request, text: str) -> tuple[Problem, ...]:
        document = parse_workflows(text)
        require_allowed_definitions(document.workflows.values())
        names = _names(request, document.workflows, {})
        return document.warnings + review_workflows(document.workflows.values(), names)


class WorkbooksValidationView(ValidationView):
    operations = _checking("Check the text of a workbook")

    def review(self, request: Request, text: str) -> tuple[Problem, ...]:
        document = parse_workbook(text)
        book = document.workbook
        require_allowed_definitions(book.workflows.values(), book.actions.values())
        names = _names(request, book.workflows, book.actions)
        return document.warnings + review_workflows(book.workflows.values(), names)


class ActionsValidationView(ValidationView):
    operations = _checking("Check the text of ad-hoc actions")

    def review(self, request: Request, text: str) -> tuple[Problem, ...]:
        document = parse_actions(text)
        require_allowed_definitions(actions=document.actions.values())
        return document.warnings


def _names(
    request: Request,
    workflows: Mapping[str, WorkflowSpec],
    actions: Mapping[str, AdhocActionSpec],
) -> StoredNames:
    namespace = read_any_arguments(request).text("namespace")
    return StoredNames(caller_of(request).project_id, namespace, workflows, actions)


def render_problem(problem: Problem) -> JSONObject:
    """Show one finding with its place."""
    return {
        "severity": problem.severity,
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "hint": problem.hint,
    }
