"""The accessibility checker, which lies with the tests."""

from __future__ import annotations

from functools import cache
from typing import Final

from playwright.sync_api import Page

from tests.live import ROOT

# The frame of the theme is not ours to mend.
OURS: Final = ".lv"


@cache
def _checker() -> str:
    return (ROOT / "tests" / "browser" / "assets" / "axe.min.js").read_text()


def check_accessibility(page: Page, within: str = OURS) -> None:
    """Fail on every serious or critical fault that the checker finds within a part of the page."""
    page.wait_for_load_state("networkidle")
    # Not as a script of the page, which its policy forbids.
    page.evaluate(_checker())
    found = page.evaluate("part => axe.run(part, {resultTypes: ['violations']})", within)
    bad = [
        (one["id"], one["nodes"][0]["html"][:200], one["nodes"][0]["failureSummary"])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
    assert not bad, f"{page.url}: {bad}"
