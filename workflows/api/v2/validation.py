"""The validate endpoints: is this text a definition? The answer is always 200."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.bodies import read_text
from workflows.api.errors import describe
from workflows.api.views import ApiView, answer
from workflows.errors import WorkflowsError
from workflows.language.parser import parse_actions, parse_workbook, parse_workflows
from workflows.models import Role


class ValidationView(ApiView):
    """Checks a text of one kind of definition."""

    roles = {"POST": Role.VIEWER}
    parse: ClassVar[Any]  # text -> document; raises what makes the text no definition

    def post(self, request: Request) -> HttpResponse:
        try:
            type(self).parse(read_text(request))
        except WorkflowsError as error:
            return answer({"valid": False, "error": describe(error)})
        return answer({"valid": True})


class WorkflowsValidationView(ValidationView):
    parse = staticmethod(parse_workflows)


class WorkbooksValidationView(ValidationView):
    parse = staticmethod(parse_workbook)


class ActionsValidationView(ValidationView):
    parse = staticmethod(parse_actions)
