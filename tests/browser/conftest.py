"""A browser, a server in this process, and people who have logged in.

The tests are skipped where there is no Chromium. Every page is watched: a script error, a breach of
the content security policy or a request to another host fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.people import make_person
from tests.senders import collect_rings
from workflows.canvas import Work
from workflows.models import Project, Role
from workflows.services.identity.identity import forget_callers

CHROMIUM: Final = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)
ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
WIDE: Final = (1280, 900)
NARROW: Final = (360, 740)

LogIn = Callable[..., Page]


@pytest.fixture(scope="session", autouse=True)
def _ignore_the_loop() -> None:
    """The browser's driver runs an event loop in this thread, where the tests use the database."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Work]]:
    """Everything that was rung; no message is sent, and no caller of another test is known."""
    forget_callers()
    yield collect_rings(monkeypatch)
    forget_callers()


@pytest.fixture
def project(transactional_db: None) -> Project:
    return Project.objects.create(name="blue")


@pytest.fixture
def author(project: Project) -> User:
    return make_person("ann", project, Role.AUTHOR)


def write_in_editor(page: Page, text: str) -> None:
    """Put a text in the place of what the first editor of the page holds."""
    page.locator(".cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)


class Watch:
    """What a page must not do."""

    def __init__(self, base: str) -> None:
        self.faults: list[str] = []
        self._base = base

    def follow(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("console", self._hear)
        page.on("request", lambda request: self._look(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        # A page that answers 4xx on purpose is also told of as an error.
        if message.type in ("error", "warning") and "the server responded" not in message.text:
            self.faults.append(f"{message.type}: {message.text}")

    def _look(self, url: str) -> None:
        if not url.startswith((self._base, "data:", "blob:", "about:")):
            self.faults.append(f"request to another host: {url}")


@pytest.fixture
def log_in(browser: Browser, live_server: Any) -> Iterator[LogIn]:
    """Open a page as somebody: `log_in(user, dark=False, size=WIDE)`."""
    contexts: list[BrowserContext] = []
    watch = Watch(live_server.url)

    def open_page(user: User, *, dark: bool = False, size: tuple[int, int] = WIDE) -> Page:
        client = Client()
        client.force_login(user)
        context = browser.new_context(
            base_url=live_server.url,
            color_scheme="dark" if dark else "light",
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce",
        )
        context.set_default_timeout(10_000)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
        )
        contexts.append(context)
        page = context.new_page()
        watch.follow(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not watch.faults, "\n".join(watch.faults)
