"""No page leads to one that is refused: where a rule closes a page, its links are text."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from pytest_django import Settings

from tests.admin.test_rules_of_pages import CODE_RULES, ids
from tests.people import make_person
from workflows.admin.pages import registered_pages
from workflows.models import Project, Role
from workflows.services.identity.rules import LEAST_ROLES

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["ids"]

READING: Final = [rule for rule in LEAST_ROLES if rule.endswith((":get", ":list", ":report"))]
PAGES: Final = (
    "",
    "dashboard/failures/",
    "dashboard/now/",
    "dashboard/schedules/",
    "dashboard/workflows/",
    "executions/",
    "executions/{failed}/",
    "executions/{failed}/data/",
    "executions/{failed}/events/",
    "executions/{failed}/problems/",
    "executions/{failed}/tasks/",
    "executions/{failed}/tasks/{failed_task}/",
    "executions/{failed}/tasks/{failed_task}/items/",
    "executions/{failed}/timeline/",
    "open-actions/",
    "workers/",
    "workflows/",
    "workflows/{workflow}/",
    "workflows/{workflow}/revisions/",
    "workflows/offers/",
    "{sharing}",
    "workbooks/",
    "{book}",
    "actions/",
    "actions/{action}/",
    "code/",
    "code/{code}/",
    "environments/",
    "environments/{environment}/",
    "schedules/",
    "schedules/{schedule}/",
    "triggers/",
    "triggers/{trigger}/",
    "tokens/",
)


def pages_led_to(html: str) -> set[str]:
    """Name the pages that links, nodes of a graph and parts lead to."""
    names = set()
    for address in re.findall(r'(?:href|src)"?[=:] ?"(/admin/[^"?#]*)', html):
        try:
            names.add(resolve(address).url_name or "")
        except Resolver404:
            continue  # a file
    return names


@pytest.mark.usefixtures("rung")
@pytest.mark.parametrize("rule", READING)
def test_nothing_leads_to_a_page_that_is_closed(
    rule: str, ids: dict[str, Any], settings: Settings
) -> None:
    settings.LEVANTE_DYNAMIC_ACTIONS = True
    settings.LEVANTE_PERMISSIONS = CODE_RULES | {rule: "admin"}
    client = Client()
    client.force_login(make_person("ann", Project.objects.get(name="blue"), Role.AUTHOR))
    closed = {page.name for page in registered_pages() if page.rule == rule}
    wrong = []
    for place in PAGES:
        answer = client.get(f"/admin/{place.format(**ids)}")
        if answer.status_code == 200 and (led := pages_led_to(answer.content.decode()) & closed):
            wrong.append(f"{place} leads to {sorted(led)}")
    assert not wrong
