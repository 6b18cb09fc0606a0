"""A headless browser, driven through the WebDriver protocol of chromedriver, and checks of the pages that it shows."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

OF_GITHUB = os.environ.get("CHROMEWEBDRIVER", "")
"""Folder of Chrome's driver on GitHub's runners, where Chromium has another version."""


def _program(*names: str) -> str | None:
    """Return the first of these programs that is installed."""
    path = os.pathsep.join(filter(None, [OF_GITHUB, os.environ.get("PATH")]))
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


DRIVER = _program("chromedriver")
BROWSER = _program("google-chrome") if OF_GITHUB else _program("chromium", "google-chrome")
needs_browser = pytest.mark.skipif(
    not (DRIVER and BROWSER), reason="Chromium with chromedriver (chromium-driver) is not installed"
)
WIDTHS = (1280, 400)
"""Widths of a desktop screen and of a phone, in CSS pixels."""
TIMEOUT = 60.0
"""Longest time (s) to wait for an answer, also on a busy machine."""

FAULTS = """
const faults = [];
const show = (fault, one) => faults.push(`${fault}: ${one.tagName} ${one.className} ${one.innerText.slice(0, 40)}`);
const isWider = box => box.clientWidth > 1 && box.scrollWidth > box.clientWidth + 1;
const page = document.documentElement;
if (page.scrollWidth > page.clientWidth) {
    const outside = one => one.getBoundingClientRect().right > page.clientWidth + 1;
    show("the page is wider than the window", [...document.querySelectorAll("body *")].find(outside) || document.body);
}
for (const one of document.querySelectorAll("body, article *, section *"))
    if (isWider(one) && ["hidden", "clip"].includes(getComputedStyle(one).overflowX)) show("cut off", one);
for (const table of document.querySelectorAll("table")) {
    const box = table.parentElement;
    const {overflowX, backgroundImage} = getComputedStyle(box);
    if (isWider(box) && overflowX !== "visible" && backgroundImage === "none") show("scrolls invisibly", box);
}
for (const image of document.images)
    if (!image.complete || image.naturalWidth === 0) show("no picture", image.parentElement);
return faults;
"""
"""JavaScript that returns a line for each element that is cut off, too wide for the window, or missing."""


class Browser:
    """An open browser."""

    def __init__(self, server: str, options: dict[str, Any]) -> None:
        self._server = server
        self._session = ""
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._session = f"/session/{session['sessionId']}"
        self._call("POST", "/url", {"url": "about:blank"})
        self.complaints()  # those of the start page

    def _call(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        body = None if values is None else json.dumps(values).encode()
        request = Request(
            self._server + self._session + path, body, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urlopen(request, timeout=TIMEOUT) as answer:
                return json.load(answer)["value"]
        except HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def open(self, page: Path, after: str = "") -> None:
        """Open a file; ``after`` is appended to its address, for instance a query."""
        self._call("POST", "/url", {"url": page.absolute().as_uri() + after})

    def run(self, script: str) -> Any:
        """Run JavaScript, and return its result."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def wait_for(self, condition: str) -> Any:
        """Wait until an expression of JavaScript is true, and return its value."""
        end = time.monotonic() + TIMEOUT
        while not (value := self.run(f"return {condition}")):
            assert time.monotonic() < end, f"not within {TIMEOUT} s: {condition}"
            time.sleep(0.05)
        return value

    def set_width(self, width: int) -> None:
        """Set the width of the window, in CSS pixels; a narrow one is that of a phone."""
        values = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": values})

    def faults(self, page: Path) -> dict[int, list[str]]:
        """Open a page, and return the faults that it has at any of the :data:`WIDTHS`, by width."""
        self.open(page)
        found = {}
        for width in WIDTHS:
            self.set_width(width)
            found[width] = self.run(FAULTS)
        return {width: faults for width, faults in found.items() if faults}

    def complaints(self) -> list[str]:
        """Return the console's errors and warnings, and the requests to other hosts, since the last call."""
        console = [entry["message"] for entry in self._log("browser") if entry["level"] in ("SEVERE", "WARNING")]
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        asked = [
            event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"
        ]
        return console + [f"request: {url}" for url in asked if urlsplit(url).scheme not in ("file", "data")]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("POST", "/se/log", {"type": kind})
        return found

    def close(self) -> None:
        """End the browser."""
        self._call("DELETE", "")


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser with a new profile and without network access."""
    with opened(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@contextmanager
def opened(profile: Path) -> Iterator[Browser]:
    flags = ["headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"]
    flags += ["disable-background-networking", "disable-component-update", "disable-dev-shm-usage"]
    flags += [f"user-data-dir={profile}", "host-resolver-rules=MAP * ~NOTFOUND"]
    options = {
        "goog:chromeOptions": {"binary": BROWSER, "args": [f"--{flag}" for flag in flags]},
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }
    assert DRIVER is not None
    with subprocess.Popen([DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
        try:
            assert driver.stdout is not None
            line = next(line for line in driver.stdout if "started successfully on port" in line)
            browser = Browser(f"http://localhost:{line.split()[-1].rstrip('.')}", options)
            try:
                yield browser
            finally:
                browser.close()
        finally:
            driver.terminate()
