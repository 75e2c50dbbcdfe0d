"""The graph element by itself: how it draws, is walked through, searched, changed and saved."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.live import ROOT
from workflows.language.parser import parse_workflows
from workflows.services.definitions.definition_graph import Graph, build_graph

STATIC: Final = ROOT / "workflows" / "static"
HOST: Final = "http://levante.test"
# CPU time that a loaded machine may take for what takes an idle one less than two seconds.
SECONDS: Final = 10.0

TEXT: Final = """
version: '2.0'
deploy:
  tasks:
    prepare: {on-success: [build: "<% $.x > 1 %>", fetch], on-error: fail}
    build: {action: std.http url="http://x", retry: {count: 5, delay: 2}, on-success: gather}
    fetch: {with-items: "i in <% $.l %>", action: std.echo output=1, on-success: gather}
    gather: {join: all, workflow: other}
"""

Show = Callable[..., Page]


def draw(text: str = TEXT) -> Graph:
    return build_graph(next(iter(parse_workflows(text).workflows.values())))


def read_static(route: Route) -> None:
    file = STATIC / route.request.url.removeprefix(f"{HOST}/static/")
    kinds = {".js": "text/javascript", ".css": "text/css"}
    if file.is_file():
        route.fulfill(body=file.read_bytes(), content_type=kinds[file.suffix])
    else:
        route.fulfill(status=404)


@pytest.fixture
def show(browser: Browser) -> Iterator[Show]:
    """Open a page with nothing but a graph on it."""
    pages: list[Page] = []
    faults: list[str] = []

    def open_page(data: Any, *, attributes: str = "", width: int = 1000) -> Page:
        page = browser.new_page(viewport={"width": width, "height": 760}, reduced_motion="reduce")
        pages.append(page)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.route(f"{HOST}/static/**", read_static)
        body = f"""<!doctype html><html lang="en"><title>Graph</title>
            <link rel="stylesheet" href="/static/levante/css/levante.css">
            <link rel="stylesheet" href="/static/levante/css/graph.css">
            <main><h1>Graph</h1><levante-graph style="height:640px" {attributes}>
            <script type="application/json">{json.dumps(data)}</script></levante-graph></main>
            <script type="module" src="/static/levante/js/graph/element.js"></script>"""
        page.route(f"{HOST}/", lambda route: route.fulfill(body=body, content_type="text/html"))
        page.goto(f"{HOST}/")
        page.wait_for_selector(".graph-node")
        return page

    yield open_page
    for page in pages:
        page.close()
    assert not faults


def node(page: Page, name: str) -> Any:
    return page.locator(f'.graph-node[data-name="{name}"]')


def test_tasks_and_commands_are_drawn_with_what_they_do(show: Show) -> None:
    page = show(draw())
    expect(page.locator(".graph-node")).to_have_count(5)
    expect(page.get_by_role("button", name="build std.http retry 5")).to_be_visible()
    expect(page.get_by_role("button", name="gather other join all")).to_be_visible()
    expect(page.locator(".graph-edge")).to_have_count(5)
    expect(page.locator(".graph-legend")).to_be_hidden()


@pytest.mark.parametrize(
    ("state", "word", "look"),
    [
        ("RUNNING", "Running", "running"),
        ("DELAYED", "Delayed", "waiting"),
        ("PAUSED", "Paused", "paused"),
        ("ERROR_HANDLED", "Error, handled", "handled"),
        ("SKIPPED", "Skipped", "skipped"),
        ("CANCELLED", "Cancelled", "cancelled"),
    ],
)
def test_a_state_is_told_by_word_icon_and_colour(
    show: Show, state: str, word: str, look: str
) -> None:
    page = show(draw())
    page.evaluate(
        "state => document.querySelector('levante-graph').update([{name: 'build', state}])", state
    )
    expect(node(page, "build")).to_contain_text(word)
    expect(node(page, "prepare")).to_contain_text("Not reached")
    assert f"state-{look}" in (node(page, "build").get_attribute("class") or "")
    colours = [
        node(page, name)
        .locator(".graph-icon")
        .evaluate(
            "icon => getComputedStyle(icon.closest('.graph-node')).getPropertyValue('--state')"
        )
        for name in ("build", "prepare")
    ]
    assert colours[0] != colours[1]
    icons = [
        node(page, name).locator(".graph-icon path").get_attribute("d")
        for name in ("build", "prepare")
    ]
    assert icons[0] != icons[1]
    expect(page.locator(".graph-legend")).to_be_visible()


def test_badges_change_in_place(show: Show) -> None:
    page = show(draw())
    page.evaluate(
        """() => document.querySelector('levante-graph').update([
            {name: 'fetch', state: 'RUNNING', badges: [{kind: 'items', text: 'items 37/100'}]}])"""
    )
    expect(node(page, "fetch").locator(".graph-badge")).to_have_text("items 37/100")


def test_taken_edges_are_bold_and_others_dashed(show: Show) -> None:
    data = draw()
    data["nodes"][0]["state"] = "SUCCESS"
    data["edges"][0]["is_taken"] = True
    page = show(data)
    lines = page.locator(".graph-edge-line")
    style = "line => [getComputedStyle(line).strokeWidth, getComputedStyle(line).strokeDasharray]"
    assert lines.nth(0).evaluate(style) == ["2.75px", "none"]
    assert lines.nth(1).evaluate(style) == ["1.5px", "5px, 5px"]


def test_a_guard_is_told_on_hover(show: Show) -> None:
    page = show(draw())
    page.locator(".graph-guard").first.hover()
    tip = page.get_by_role("tooltip")
    expect(tip).to_have_text("prepare → build, on success when <% $.x > 1 %>")


def test_the_keyboard_walks_along_edges_and_chooses(show: Show) -> None:
    page = show(draw())
    page.evaluate(
        """() => { window.chosen = []; document.querySelector('levante-graph')
            .addEventListener('node-select', (event) => chosen.push(event.detail.name)); }"""
    )
    page.get_by_role("button", name="Save as PNG").focus()
    page.keyboard.press("Tab")
    expect(node(page, "prepare")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(node(page, "gather")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    chosen = page.evaluate("chosen")
    assert chosen[0] == "gather"
    assert chosen[1] in ("build", "fetch")


def test_a_node_with_an_address_is_a_link(show: Show) -> None:
    data = draw()
    data["nodes"][0]["href"] = "#prepare"
    page = show(data)
    node(page, "prepare").click()
    assert page.url.endswith("#prepare")


def test_a_drag_moves_the_drawing_and_chooses_nothing(show: Show) -> None:
    data = draw()
    data["nodes"][0]["href"] = "#prepare"
    page = show(data)
    before = page.locator(".graph-drawing").get_attribute("viewBox")
    node(page, "prepare").hover()
    page.mouse.down()
    page.mouse.move(420, 420, steps=4)
    page.mouse.up()
    assert page.locator(".graph-drawing").get_attribute("viewBox") != before
    assert "#" not in page.url


def test_the_wheel_zooms_only_with_control(show: Show) -> None:
    page = show(draw())
    drawing = page.locator(".graph-drawing")
    before = drawing.get_attribute("viewBox")
    drawing.hover()
    page.mouse.wheel(0, -200)
    assert drawing.get_attribute("viewBox") == before
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    expect(drawing).not_to_have_attribute("viewBox", before or "")


def test_search_finds_by_name_and_action(show: Show) -> None:
    page = show(draw())
    page.get_by_role("searchbox", name="Find a task").fill("std.http")
    expect(page.get_by_role("status")).to_have_text("1 found")
    expect(page.locator(".is-found")).to_have_attribute("data-name", "build")


def test_it_is_saved_as_svg_and_png_that_show_everything(show: Show, tmp_path: Path) -> None:
    page = show(draw(), attributes='file-name="deploy"')
    with page.expect_download() as found:
        page.get_by_role("button", name="Save as SVG").click()
    text = Path(found.value.path()).read_text()
    assert found.value.suggested_filename == "deploy.svg"
    assert text.startswith("<svg ")
    for name in ("prepare", "build", "fetch", "gather"):
        assert f">{name} <" in text
    assert "var(--" not in text
    with page.expect_download() as found:
        page.get_by_role("button", name="Save as PNG").click()
    assert Path(found.value.path()).read_bytes().startswith(b"\x89PNG")


def make_large(size: int) -> Any:
    nodes = [
        {"name": f"t{i}", "kind": "action", "label": "std.echo", "join": None, "href": f"#t{i}",
         "state": "SUCCESS" if i % 3 else "RUNNING", "badges": []}
        for i in range(size)
    ]  # fmt: skip
    edges = [
        {"from": f"t{(i - 1) // 3}", "to": f"t{i}", "clause": "on-success", "guard": None,
         "is_taken": True}
        for i in range(1, size)
    ]  # fmt: skip
    return {"nodes": nodes, "edges": edges}


def test_a_thousand_tasks_are_drawn_in_time_and_can_be_used(show: Show) -> None:
    began = time.monotonic()
    page = show(make_large(1000))
    assert time.monotonic() - began < SECONDS
    expect(page.locator(".graph-minimap")).to_be_visible()
    # Most of it is out of sight, and so not drawn.
    assert page.locator(".graph-node").count() < 150
    expect(node(page, "t777")).to_have_count(0)
    page.get_by_role("searchbox", name="Find a task").fill("t777")
    expect(node(page, "t777")).to_be_in_viewport()
    expect(node(page, "t777")).to_have_class(re.compile("is-found"))
    expect(node(page, "t1")).to_be_hidden()


def overview(page: Page) -> dict[str, int]:
    """How many boxes of a large graph are drawn in each state."""
    counts = """() => Object.fromEntries(
        [...document.querySelectorAll('.graph-overview-boxes path')]
            .map((path) => [path.className.baseVal,
                            path.getAttribute('d').split('M').length - 1]))"""
    found: dict[str, int] = page.evaluate(counts)
    return found


def test_a_large_graph_is_seen_as_a_whole_from_far_away(show: Show) -> None:
    page = show(make_large(1000))
    boxes = page.locator(".graph-overview-boxes")
    expect(boxes).to_be_hidden()
    page.get_by_role("button", name="Fit everything in").click()
    expect(boxes).to_be_visible()
    assert overview(page) == {"state-running": 334, "state-success": 666}
    page.evaluate(
        "document.querySelector('levante-graph').update([{name: 't777', state: 'ERROR'}])"
    )
    expect(page.locator(".graph-overview-boxes .state-error")).to_have_count(1)
    assert overview(page) == {"state-running": 333, "state-success": 666, "state-error": 1}
    # A dot leads to its task as the node itself would.
    place = page.evaluate(
        """() => { const { places, view } = document.querySelector('levante-graph');
            const at = places.nodes.get('t3');
            const { left, top } = view.element.getBoundingClientRect();
            return [left + (at.x - view.x) * view.scale, top + (at.y - view.y) * view.scale]; }"""
    )
    page.mouse.move(*place)
    expect(page.get_by_role("tooltip")).to_have_text("t3 — std.echo")
    page.mouse.click(*place)
    expect(node(page, "t3")).to_be_in_viewport()
    expect(boxes).to_be_hidden()
    assert page.url.endswith("#t3")


def test_the_keyboard_reaches_what_is_out_of_sight_in_a_large_graph(show: Show) -> None:
    page = show(make_large(1000))
    page.get_by_role("button", name="Fit everything in").click()
    page.get_by_role("button", name="Save as PNG").focus()
    page.keyboard.press("Tab")
    expect(node(page, "t0")).to_be_focused()
    page.keyboard.press("End")
    expect(node(page, "t999")).to_be_focused()
    expect(node(page, "t999")).to_be_in_viewport()


def test_a_file_of_a_large_graph_has_all_of_it(show: Show) -> None:
    page = show(make_large(300))
    with page.expect_download() as found:
        page.get_by_role("button", name="Save as SVG").click()
    text = Path(found.value.path()).read_text()
    assert all(f">t{number} <" in text for number in range(300))


def test_the_layout_of_a_large_graph_is_kept_while_the_tab_is_open(show: Show) -> None:
    page = show(make_large(300))
    read = """() => {
        const graph = document.querySelector('levante-graph');
        return [...graph.places.nodes].map(([name, at]) => [name, Math.round(at.x)]); }"""
    before = page.evaluate(read)
    kept = page.evaluate("sessionStorage.getItem('levante-graph-layout')")
    assert json.loads(kept)["nodes"][299][0] == "t299"
    page.evaluate("""() => { const kept = JSON.parse(sessionStorage['levante-graph-layout']);
        kept.nodes[0][1].x += 7;
        sessionStorage['levante-graph-layout'] = JSON.stringify(kept); }""")
    page.reload()
    page.wait_for_selector(".graph-node")
    assert page.evaluate(read)[0][1] == before[0][1] + 7
    # Another graph is laid out anew.
    page.evaluate(
        "data => { document.querySelector('levante-graph').data = data; }", make_large(301)
    )
    assert page.evaluate(read)[0][1] != before[0][1] + 7
    assert len(page.evaluate(read)) == 301


def test_it_has_no_serious_faults_of_accessibility(show: Show) -> None:
    data = draw()
    data["nodes"][1]["state"] = "RUNNING"
    for width in (1000, 360):
        page = show(data, width=width)
        page.evaluate((ROOT / "tests" / "browser" / "assets" / "axe.min.js").read_text())
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        bad = [one["id"] for one in found["violations"] if one["impact"] in ("serious", "critical")]
        assert not bad
