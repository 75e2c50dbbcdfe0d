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
from workflows.services.definitions.text_checks import Kind, review_text

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

    kind: Kind

    def post(self, request: Request) -> HttpResponse:
        try:
            found = review_text(
                caller_of(request).project_id,
                read_text(request),
                kind=self.kind,
                namespace=read_any_arguments(request).text("namespace"),
            )
        except SpecInvalid as error:
            problems = [render_problem(problem) for problem in error.problems]
            return answer({"valid": False, "error": describe(error), "problems": problems})
        except WorkflowsError as error:
            return answer({"valid": False, "error": describe(error)})
        return answer({"valid": True, "warnings": [render_problem(one) for one in found.warnings]})


class WorkflowsValidationView(ValidationView):
    kind = "workflow"
    operations = _checking("Check the text of workflows")


class WorkbooksValidationView(ValidationView):
    kind = "workbook"
    operations = _checking("Check the text of a workbook")


class ActionsValidationView(ValidationView):
    kind = "action"
    operations = _checking("Check the text of ad-hoc actions")


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
