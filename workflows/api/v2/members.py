"""/v2/workflows/{id}/members: the projects that a private workflow is shared with."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request

from workflows.api.arguments import COMMON, read_arguments
from workflows.api.attributes import Attribute, Kind, Resource, render
from workflows.api.auth import caller_of
from workflows.api.bodies import Given, read_object
from workflows.api.operations import changing, creating, deleting, listing, reading
from workflows.api.pagination import list_rows, page_body, read_page
from workflows.api.values import parse_uuid
from workflows.api.views import ApiView, answer, created, deleted
from workflows.errors import RequestInvalid
from workflows.services.definitions.members import (
    add_member,
    answer_member,
    get_member,
    remove_member,
    require_sharing,
    visible_members,
)
from workflows.services.identity.ownership import parse_id

MEMBER: Final = Resource(
    title="Resource member",
    collection="members",
    attributes=(
        Attribute("id", Kind.UUID),
        Attribute("resource_id", Kind.UUID, column="workflow_id"),
        Attribute("resource_type", value=lambda member: "workflow"),
        Attribute("project_id", Kind.UUID, column="workflow__project_id"),
        Attribute("member_id", Kind.UUID),
        Attribute("status"),
        Attribute("created_at", Kind.DATE),
        Attribute("updated_at", Kind.DATE),
    ),
)
_BODY: Final = {
    "member_id": Given.TEXT,
    "status": Given.TEXT,
    **dict.fromkeys(
        ("id", "resource_id", "resource_type", "created_at", "updated_at"), Given.IGNORED
    ),
}


class _MemberPath(ApiView):
    """What both paths have in common: no sharing without authentication."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_sharing()


class MembersView(_MemberPath):
    """All members of a workflow that the caller may know of."""

    operations = {
        "GET": listing("List the projects that a workflow is shared with", MEMBER),
        "POST": creating("Offer a private workflow to a project", MEMBER, _BODY, ("member_id",)),
    }

    def get(self, request: Request, identifier: str) -> HttpResponse:
        page = read_page(read_arguments(request, COMMON), MEMBER, ())
        members = visible_members(caller_of(request), _workflow_id(identifier))
        return answer(page_body(request, page, list_rows(members, page)))

    def post(self, request: Request, identifier: str) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "member_info", _BODY)
        member_id = body.text("member_id")
        if not member_id:
            raise RequestInvalid("Member id must be provided.")
        member = add_member(
            caller=caller_of(request),
            workflow_id=_workflow_id(identifier),
            member_id=parse_uuid("member_id", member_id),
        )
        return created(render(member, MEMBER.attributes))


class MemberView(_MemberPath):
    """One member, by the id of its project."""

    operations = {
        "GET": reading("Get a member", MEMBER),
        "PUT": changing(
            "Accept or reject an offer", MEMBER, _BODY, ("status",), example={"status": "accepted"}
        ),
        "DELETE": deleting("End the access of a project"),
    }

    def get(self, request: Request, identifier: str, member: str) -> HttpResponse:
        attributes = MEMBER.select(read_arguments(request, {"fields"}).names("fields"))
        found = get_member(
            caller_of(request), _workflow_id(identifier), parse_uuid("member_id", member)
        )
        return answer(render(found, attributes))

    def put(self, request: Request, identifier: str, member: str) -> HttpResponse:
        read_arguments(request, ())
        body = read_object(request, "member_info", _BODY)
        changed = answer_member(
            caller=caller_of(request),
            workflow_id=_workflow_id(identifier),
            member_id=parse_uuid("member_id", member),
            status=body.text("status") or "",
        )
        return answer(render(changed, MEMBER.attributes))

    def delete(self, request: Request, identifier: str, member: str) -> HttpResponse:
        read_arguments(request, ())
        remove_member(
            caller=caller_of(request),
            workflow_id=_workflow_id(identifier),
            member_id=parse_uuid("member_id", member),
        )
        return deleted()


def _workflow_id(identifier: str) -> UUID:
    found = parse_id(identifier)
    if found is None:
        raise RequestInvalid(
            "Only support UUID as resource identifier in resource sharing feature."
        )
    return found
