"""Pages of the web interface over very many executions, as a browser asks for them."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import subprocess
import sys
import time
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import psycopg

from benchmarks.client import REQUEST_SECONDS, BenchmarkFailed
from benchmarks.measure import percentiles
from benchmarks.stack import ROOT, Target

# Requests for each page, one after the other.
REQUESTS: Final = 30
_ADMIN: Final = "an administrator"
_MEMBER: Final = "a member"
# Of one project: what a member sees is looked for with the indexes of projects.
_MEMBER_SQL: Final = """
    WITH changed AS (
        UPDATE auth_user SET is_superuser = false WHERE username = %s RETURNING id)
    INSERT INTO memberships (user_id, project_id, role)
    SELECT changed.id, projects.id, 'author' FROM changed, projects WHERE projects.name = 'lists 1'
"""
# A workflow that everybody sees, and where in the middle of the list a page begins.
_FACTS_SQL: Final = """
    UPDATE workflow_definitions SET scope = 'public' WHERE name = 'lists_3'
    RETURNING id::text, (
        SELECT created_at || '~' || id FROM workflow_executions
        WHERE created_at < now() - interval '50 days' ORDER BY created_at DESC LIMIT 1),
        (SELECT id::text FROM projects WHERE name = 'lists 1')
"""


class Browser:
    """Somebody who has logged in."""

    def __init__(self, target: Target, name: str, password: str) -> None:
        parts = urlsplit(target.url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(
            parts.hostname, parts.port or 80, timeout=REQUEST_SECONDS
        )
        self._cookies: dict[str, str] = {}
        page = self.open("login/")
        token = re.search(rb'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert token is not None
        form = {"username": name, "password": password, "csrfmiddlewaretoken": token[1].decode()}
        self.open("login/", urlencode(form | {"next": "/admin/"}))
        if "sessionid" not in self._cookies:
            raise BenchmarkFailed("the log-in to the pages was refused")

    def open(self, path: str, form: str | None = None) -> bytes:
        """Ask for a page below /admin/; raise BenchmarkFailed if it answers with an error."""
        headers = {"Cookie": "; ".join(f"{key}={value}" for key, value in self._cookies.items())}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        method = "GET" if form is None else "POST"
        self._connection.request(method, f"/admin/{path}", form, headers)
        response = self._connection.getresponse()
        body = response.read()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self._cookies[key] = rest.partition(";")[0]
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise BenchmarkFailed(f"/admin/{path}: {response.status}")
        return body


def measure_pages(target: Target) -> dict[str, dict[str, float]]:
    """Measure pages over the table that the lists have filled. Milliseconds, by page and person."""
    if target.data_directory is None:
        return {}  # nobody can be made who may log in
    password = secrets.token_urlsafe()
    names = {who: f"bench-{secrets.token_hex(4)}" for who in (_ADMIN, _MEMBER)}
    for name in names.values():
        _make_person(target, name, password)
    with psycopg.connect(target.database_url, autocommit=True) as database:
        database.execute(_MEMBER_SQL, [names[_MEMBER]])
        facts = database.execute(_FACTS_SQL).fetchone()
    if facts is None:
        raise BenchmarkFailed("the table of executions is not filled")
    results = {}
    for who, name in names.items():
        browser = Browser(target, name, password)
        for page, path in _paths(*facts).items():
            if who == _ADMIN or page != "system":
                results[f"page: {page}, {who}"] = _measure(browser, path)
    return results


def _make_person(target: Target, name: str, password: str) -> None:
    command = [sys.executable, "manage.py", "createsuperuser", "--noinput", "--username", name]
    environment = {
        **os.environ,
        "LEVANTE_DATA_DIR": str(target.data_directory),
        "DJANGO_SUPERUSER_PASSWORD": password,
    }
    command += ["--email", "bench@example.org"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkFailed(f"no user could be made: {done.stderr[-500:]}")


def _paths(workflow: str, middle: str, project: str) -> dict[str, str]:
    """Name the pages; filters are those of the form of the list."""
    filters = {
        "all": "",
        "not ended": "state=live",
        "SUCCESS": "state=SUCCESS",
        "ERROR": "state=ERROR",
        "CANCELLED": "state=CANCELLED",
        "RUNNING (none)": "state=RUNNING",
        "a workflow": "workflow=lists_3",
        "a workflow, CANCELLED (none)": "workflow=lists_3&state=CANCELLED",
        "a workflow by id": f"workflow_id={workflow}",
        "a project": f"project={project}",
        "a tag (none)": "tag=nightly",
        "the last 30 days, ERROR": "span=30d&state=ERROR",
        "with sub-workflows": "depth=any",
        "an id that begins with": "q=abc",
        "older ones": f"after={quote(middle)}",
        "newer ones": f"before={quote(middle)}",
    }
    return {
        "dashboard": "",
        "dashboard, now": "dashboard/now/",
        "dashboard, workflows": "dashboard/workflows/",
        "dashboard, failures": "dashboard/failures/",
        "dashboard, queues": "dashboard/queues/",
        "dashboard, schedules": "dashboard/schedules/",
        "dashboard, chart of an hour": "dashboard/series/1h/",
        "dashboard, chart of a day": "dashboard/series/24h/",
        "dashboard, chart of seven days": "dashboard/series/7d/",
        **{f"executions, {name}": f"executions/?{query}" for name, query in filters.items()},
        "workflows": "workflows/",
        "a workflow": f"workflows/{workflow}/",
        "its revisions": f"workflows/{workflow}/revisions/",
        "schedules": "schedules/",
        "actions": "actions/",
        "workers": "workers/",
        "system": "system/",
    }


def _measure(browser: Browser, path: str) -> dict[str, float]:
    """Time a page; the first time, when much of it is cold, counts as well."""
    times: list[float] = []
    for _ in range(REQUESTS):
        started = time.monotonic()
        browser.open(path)
        times.append(1000 * (time.monotonic() - started))
    return percentiles(times)
