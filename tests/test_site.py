"""The documentation site that `make docs` has built: it needs no network, and is read on a screen and on a phone."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from browser import WIDTHS, Browser, needs_browser

SITE = Path(__file__).parents[1] / "docs" / "_build"
PAGES = sorted(file for file in SITE.rglob("*.html") if "_modules" not in file.parts)
needs_site = pytest.mark.skipif(not PAGES, reason="the documentation site is not built: make docs")

LOADED = {"src", "srcset", "data", "poster", "background"}
"""Attributes with the address of what a page loads; of links, `href`."""
LINKED = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "manifest", "apple-touch-icon"}
"""Kinds of links that a page loads."""
ELSEWHERE = re.compile(r"^\s*(https?:)?//")
IN_CODE = re.compile(r"""(?:url\(\s*|@import\s+|\bfrom\s*|\bimport\s*\(?\s*)["']?((?:https?:)?//[^"')\s]+)""")
"""Addresses that style sheets and scripts load."""


class Page(HTMLParser):
    """Collects what a page loads from elsewhere."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elsewhere: list[str] = []
        self._is_code = False
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        addresses = [values[name] for name in LOADED & values.keys()]
        if tag == "link" and LINKED & set(values.get("rel", "").split()):
            addresses.append(values["href"])
        self.elsewhere += filter(ELSEWHERE.match, addresses)
        self.elsewhere += IN_CODE.findall(values.get("style", ""))
        self._is_code = tag in ("script", "style")

    def handle_data(self, text: str) -> None:
        self.elsewhere += IN_CODE.findall(text) if self._is_code else []


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example.org/a.js"></script>',
        '<script type="module">import a from "https://cdn.example.org/a.mjs";</script>',
        '<link rel="preload stylesheet" href="//example.org/a.css">',
        '<img alt="a" src="http://example.org/a.png">',
        '<p style="background: url(https://example.org/a.png)">',
        "<style>@import 'https://example.org/a.css';</style>",
    ],
)
def test_what_is_loaded_from_elsewhere_is_found(html: str) -> None:
    assert len(Page(html).elsewhere) == 1
    assert Page('<a href="https://example.org">a</a><p>import "https://example.org"</p>').elsewhere == []


@needs_site
def test_no_page_loads_anything_from_another_host() -> None:
    assert len(PAGES) > 50
    found = {file: Page(file.read_text(encoding="utf-8")).elsewhere for file in SITE.rglob("*.html")}
    found |= {file: IN_CODE.findall(file.read_text(encoding="utf-8")) for file in SITE.rglob("*.css")}
    assert {file: elsewhere for file, elsewhere in found.items() if elsewhere} == {}


@needs_browser
@needs_site
class TestInABrowser:
    def test_pages_are_readable_on_a_screen_and_on_a_phone(self, browser: Browser) -> None:
        faults = {page: browser.faults(page) for page in PAGES}
        assert {page: found for page, found in faults.items() if found} == {}
        assert browser.complaints() == []

    def test_the_search_finds_pages(self, browser: Browser) -> None:
        browser.open(SITE / "search.html", "?q=eligibility")
        browser.wait_for("document.querySelector('#search-results a[href*=\"docs/explanation/model.html\"]')")
        assert browser.complaints() == []

    def test_a_picture_opens_large(self, browser: Browser) -> None:
        browser.open(SITE / "docs" / "gallery.html")
        browser.set_width(WIDTHS[1])
        assert browser.run("return document.querySelector('article img').width") < WIDTHS[1]
        browser.run("document.querySelector('article img').click()")
        assert browser.wait_for("document.contentType === 'image/png' && document.images[0].naturalWidth") > WIDTHS[0]


@needs_browser
@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<p style="width: 90rem">wide</p>', "the page is wider than the window: P"),
        ('<p style="overflow: hidden; white-space: nowrap">' + "long " * 300, "cut off: P"),
        ('<div style="overflow-x: auto"><table style="width: 90rem"><td>a', "scrolls invisibly: DIV"),
        ('<p><img src="nowhere.png">', "no picture: P"),
    ],
)
def test_faults_of_a_page_are_seen(body: str, fault: str, browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"<!DOCTYPE html><title>a</title><section>{body}", encoding="utf-8")
    faults = browser.faults(page)
    assert [found.startswith(fault) for found in faults[WIDTHS[1]]] == [True], faults
    browser.complaints()


@needs_browser
def test_errors_and_requests_to_other_hosts_are_seen(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<script>nothing.here</script><img src="https://example.org/a.png">', encoding="utf-8")
    browser.open(page)
    complaints = browser.complaints()
    assert any("nothing is not defined" in complaint for complaint in complaints)
    assert "request: https://example.org/a.png" in complaints
    assert browser.complaints() == []
