"""The sidebar: what is where, and who sees it. An entry appears once its page is registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from workflows.admin.pages import may_open
from workflows.services.identity.identity import Caller


@dataclass(frozen=True, slots=True)
class Entry:
    """One link. `permission` is Django's, for pages made of models; ours say whom they are for."""

    title: str
    url_name: str
    icon: str
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Links under one heading."""

    title: str
    entries: tuple[Entry, ...]


NAVIGATION: Final = (
    Group(
        "",
        (
            Entry("Dashboard", "admin:index", "space_dashboard"),
            Entry("Executions", "admin:executions", "play_circle"),
            Entry("Waiting for a result", "admin:open_actions", "pending_actions"),
        ),
    ),
    Group(
        "Define",
        (
            Entry("Workflows", "admin:workflows", "account_tree"),
            Entry("Workbooks", "admin:workbooks", "menu_book"),
            Entry("Actions", "admin:actions", "bolt"),
            Entry("Stored code", "admin:code_sources", "code"),
            Entry("Environments", "admin:environments", "tune"),
        ),
    ),
    Group(
        "Start by itself",
        (
            Entry("Schedules", "admin:schedules", "schedule"),
            Entry("Event triggers", "admin:triggers", "sensors"),
        ),
    ),
    Group(
        "Operate",
        (
            Entry("Workers and queues", "admin:workers", "memory"),
            Entry("System", "admin:system", "monitor_heart"),
            Entry(
                "Beat",
                "admin:django_celery_beat_periodictask_changelist",
                "event_repeat",
                permission="django_celery_beat.view_periodictask",
            ),
        ),
    ),
    Group(
        "People",
        (
            Entry("Projects", "admin:projects", "workspaces"),
            Entry("Users", "admin:auth_user_changelist", "person", permission="auth.view_user"),
            Entry("Groups", "admin:auth_group_changelist", "group", permission="auth.view_group"),
            Entry("Tokens", "admin:tokens", "key"),
        ),
    ),
)


def build_navigation(request: HttpRequest, caller: Caller | None) -> list[dict[str, Any]]:
    """Return the sidebar as the theme wants it: the entries that the person may open."""
    groups = []
    for group in NAVIGATION:
        items = [
            item for entry in group.entries if (item := _item(entry, request, caller)) is not None
        ]
        if items:
            groups.append({"title": group.title, "items": items, "separator": bool(group.title)})
    return groups


def _item(entry: Entry, request: HttpRequest, caller: Caller | None) -> dict[str, Any] | None:
    try:
        link = reverse(entry.url_name)
    except NoReverseMatch:
        return None
    if not _may_open(entry, request.user, caller):
        return None
    is_home = entry.url_name == "admin:index"
    is_active = request.path == link if is_home else request.path.startswith(link)
    return {
        "title": entry.title,
        "link": link,
        "icon": entry.icon,
        "active": is_active,
        "has_permission": True,
    }


def _may_open(entry: Entry, user: User | AnonymousUser, caller: Caller | None) -> bool:
    if entry.permission:
        return user.has_perm(entry.permission)
    return caller is not None and may_open(caller, entry.url_name.removeprefix("admin:"))
