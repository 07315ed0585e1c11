"""The report in a browser without network: figures are seen and nothing is wider than the screen."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from tests.pages.chromium import find_chromium
from tests.unit.report_fixture import write_results

from insulae.report.page import write_report

WIDTHS = {"phone": 390, "screen": 1200}
QUIET = ("--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update")
SMALLEST_FIGURE = 150  # pixels, in both directions
SMALLEST_LETTER = 8  # pixels


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_results(tmp_path_factory.mktemp("results")))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    os.environ["PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD"] = "1"
    path = find_chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *QUIET])
        yield launched
        launched.close()


@pytest.fixture(params=WIDTHS.values(), ids=WIDTHS.keys())
def page(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Page]:
    """The report at one width, offline; every message, failure and request of the page is kept."""
    context = browser.new_context(viewport={"width": request.param, "height": 900}, offline=True)
    opened = context.new_page()
    seen: list[str] = []
    opened.on("console", lambda message: seen.append(f"{message.type}: {message.text}"))
    opened.on("pageerror", lambda error: seen.append(str(error)))
    opened.on("request", lambda asked: None if asked.url.startswith("file:") else seen.append(asked.url))
    opened.goto(report.as_uri(), wait_until="load")
    yield opened
    context.close()
    assert not seen


def test_the_page_opens_without_a_message(page: Page):
    assert "simulated, not medical advice" in page.title()
    assert page.get_by_text("Simulated. Not medical advice.").first.is_visible()


def test_nothing_is_wider_than_the_screen(page: Page):
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.viewport_size["width"]
    cut = page.evaluate(
        """() => [...document.querySelectorAll('p, li, td, h1, h2, h3, pre, figure, svg')]
            .filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
            .map(e => e.outerHTML.slice(0, 80))"""
    )
    assert not cut


def test_every_figure_is_seen_and_its_letters_can_be_read(page: Page):
    drawings = page.locator("figure svg")
    assert drawings.count() == page.locator("figure").count() > 0
    for drawing in drawings.all():
        box = drawing.bounding_box()
        assert box and box["width"] > SMALLEST_FIGURE and box["height"] > SMALLEST_FIGURE
    heights = page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')].map(e => {
            const scale = e.ownerSVGElement.getScreenCTM().a;
            return parseFloat(getComputedStyle(e).fontSize) * scale;
        })"""
    )
    assert heights and min(heights) >= SMALLEST_LETTER


def test_no_arm_label_leaves_its_figure(page: Page):
    outside = page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')].filter(e => {
            const text = e.getBoundingClientRect(), box = e.ownerSVGElement.getBoundingClientRect();
            return text.right > box.right + 2 || text.left < box.left - 2;
        }).map(e => e.textContent)"""
    )
    assert not outside


def test_a_miss_is_marked_and_above_every_hit(page: Page):
    miss, hit = page.locator("tr.miss").first, page.locator("tr.hit").first
    assert miss.is_visible() and hit.is_visible()
    assert miss.bounding_box()["y"] < hit.bounding_box()["y"]
    background = miss.evaluate("e => getComputedStyle(e).backgroundColor")
    assert background != hit.evaluate("e => getComputedStyle(e).backgroundColor")
