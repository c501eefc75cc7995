"""A real browser for tests of pages: Chromium without a window. Tests that need it are skipped where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PATIENCE: Final = 60

BINARY: Final = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER: Final = shutil.which("chromedriver")

needs_browser = pytest.mark.skipif(
    BINARY is None or DRIVER is None,
    reason="Neither Chromium nor its driver is installed (Debian: apt-get install chromium chromium-driver).",
)

_QUIET: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class Browser:
    """One browser window, as somebody sees it."""

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        """Go there."""
        self.driver.get(address)

    def log_in(self, url: str, session: str) -> None:
        """Have the cookie of a session."""
        self.open(f"{url}/healthz")
        self.driver.add_cookie({"name": "sessionid", "value": session})

    def look(self, *, width: int, height: int, dark: bool = False, sharp: bool = False) -> None:
        """Be a screen of that size, in pixels of CSS."""
        size = {"width": width, "height": height, "deviceScaleFactor": 2 if sharp else 1, "mobile": width < 500}
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def before_every_page(self, script: str) -> None:
        """Run a script before those of the page."""
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, which may `return` something."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> list[WebElement]:
        """What there is at this moment."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, selector: str, text: str = "") -> WebElement:
        """Wait until something like that is there, with that text in it."""

        def found() -> WebElement | None:
            return next((one for one in self.find(selector) if text in one.text), None)

        element: WebElement = self.until(found)
        return element

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until it holds; what it returned. What the page exchanges meanwhile is looked for again."""
        waiting = WebDriverWait(
            self.driver, PATIENCE, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        return waiting.until(lambda _: holds())

    def complaints(self) -> list[str]:
        """What the browser had to say against pages; that others than ours have no icon is no matter."""
        messages = [entry["message"] for entry in self.driver.get_log("browser")]
        return [message for message in messages if "/favicon.ico" not in message]


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A browser of its own, for the length of a block."""
    options = ChromeOptions()
    options.binary_location = BINARY or ""
    for argument in (*_QUIET, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=ChromeService(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
