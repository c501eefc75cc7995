"""The monitor in a real browser, before a real server: what somebody sees who keeps the page open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from selenium.webdriver.common.keys import Keys

from caluma_async.testing.factories import make_workflow
from tests.acceptance.browser import Browser, browsing, needs_browser
from tests.acceptance.server import Server, serving

pytestmark = [pytest.mark.django_db(transaction=True), needs_browser]

START = 'mutation { saveCase(input: {workflow: "w"}) { case { id } } }'
NO_SOCKET = """
    window.WebSocket = class extends EventTarget {
        constructor() { super(); setTimeout(() => this.dispatchEvent(new Event("close"))); }
    };"""


@pytest.fixture
def mended(tmp_path: Path) -> Path:
    return tmp_path / "mended"


@pytest.fixture
def server(tmp_path: Path, mended: Path) -> Iterator[Server]:
    make_workflow("w", start=["a"])
    modules = "tests.acceptance.failing_receivers"
    with serving(tmp_path, EVENT_RECEIVER_MODULES=modules, MENDED=str(mended)) as running:
        yield running


@pytest.fixture
def browser(tmp_path: Path, server: Server) -> Iterator[Browser]:
    """A browser whose user is logged in."""
    chief = Client()
    chief.force_login(User.objects.create_superuser("chief"))
    with browsing(tmp_path) as opened:
        opened.log_in(server.url, chief.cookies["sessionid"].value)
        yield opened


def watch(browser: Browser, server: Server, how: str = "Live") -> None:
    browser.open(f"{server.url}/monitor/")
    browser.wait("#connection", how)
    browser.run("window.isTheSame = true")


def fail(browser: Browser, server: Server) -> float:
    """Have one delivery more fail; how many seconds it took from the answer until it was seen."""
    before = len(browser.find(".kept li"))
    assert "errors" not in server.ask(START).json()
    answered = time.monotonic()
    browser.until(lambda: len(browser.find(".kept li")) > before)
    return time.monotonic() - answered


def test_what_fails_is_seen_within_two_seconds_and_can_be_retried(
    browser: Browser, server: Server, mended: Path
) -> None:
    watch(browser, server)
    assert min(fail(browser, server) for _ in range(3)) < 2
    assert "ConnectionRefusedError: <b>mail.example.org</b> does not answer" in browser.find(".kept summary")[0].text
    browser.wait("#said", "1 more failed or held: failing.sends_mail")
    mended.touch()
    browser.wait(".kept button[name=retry]").send_keys(Keys.ENTER)
    browser.wait("#said", "waits again")
    browser.until(lambda: len(browser.find(".kept li")) == 2)
    browser.wait(".stream .state", "delivered")
    assert browser.run("return window.isTheSame") is True
    assert browser.complaints() == []


def test_a_delivery_is_discarded_once_somebody_has_confirmed_it(browser: Browser, server: Server) -> None:
    watch(browser, server)
    fail(browser, server)
    browser.wait(".kept button[name=discard]").click()
    browser.driver.switch_to.alert.dismiss()
    assert len(browser.find(".kept li")) == 1
    browser.wait(".kept button[name=discard]").click()
    browser.driver.switch_to.alert.accept()
    browser.until(lambda: not browser.find(".kept li"))
    browser.wait(".stream .state", "discarded")


def test_what_is_unfolded_and_focused_stays_so_while_the_page_changes(browser: Browser, server: Server) -> None:
    watch(browser, server)
    fail(browser, server)
    browser.run("document.querySelector('.kept details').open = true")
    browser.run("document.querySelector('.kept button[name=discard]').focus()")
    label = browser.run("return document.activeElement.getAttribute('aria-label')")
    fail(browser, server)
    assert browser.run("return document.activeElement.getAttribute('aria-label')") == label
    assert browser.run("return document.querySelectorAll('.kept details[open]').length") == 1


def test_a_paused_page_stands_still_and_shows_all_of_it_afterwards(browser: Browser, server: Server) -> None:
    watch(browser, server)
    browser.wait("#pause", "Pause").click()
    server.ask(START)
    browser.until(lambda: browser.run("return held.has('kept') && held.get('kept').includes('sends_mail')"))
    assert browser.find(".kept li") == []
    browser.wait("#pause", "Go on").click()
    browser.wait(".kept li", "failing.sends_mail")


def test_without_a_socket_it_asks(browser: Browser, server: Server) -> None:
    browser.before_every_page(NO_SOCKET)
    watch(browser, server, "Every 2 seconds")
    fail(browser, server)
    assert browser.run("return window.isTheSame") is True


def test_who_is_logged_out_is_told(browser: Browser, server: Server) -> None:
    watch(browser, server)
    User.objects.update(is_staff=False)
    browser.wait("#connection", "not signed in any more")


def test_it_fits_a_phone_in_the_dark(browser: Browser, server: Server) -> None:
    browser.look(width=360, height=780, dark=True)
    watch(browser, server)
    fail(browser, server)
    browser.open(browser.run("return document.querySelector('.kept a').href"))
    browser.wait("svg.chain")
    assert browser.run("return document.documentElement.scrollWidth") == 360
    small = "return [...document.querySelectorAll('button')].filter(one => one.offsetHeight < 44).length"
    assert browser.run(small) == 0
    ground = browser.run("return getComputedStyle(document.documentElement).backgroundColor")
    assert max(map(int, ground[4:-1].split(","))) < 60
    browser.wait("svg.chain .line.failed", "failing.sends_mail")
    assert browser.complaints() == []


def test_everything_that_can_be_used_has_a_name(browser: Browser, server: Server) -> None:
    watch(browser, server)
    fail(browser, server)
    nameless = """return [...document.querySelectorAll('button, a, summary, svg[role=img], section')]
        .filter(one => one.offsetParent !== null || one.tagName === 'svg')
        .filter(one => !(one.textContent.trim() || one.getAttribute('aria-label'))).map(one => one.outerHTML)"""
    assert browser.run(nameless) == []
    twice = """const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
        return ids.filter((id, place) => ids.indexOf(id) !== place)"""
    assert browser.run(twice) == []
    dangling = """return [...document.querySelectorAll('[aria-labelledby]')]
        .filter(one => one.getBoundingClientRect().height)
        .filter(one => !document.getElementById(one.getAttribute('aria-labelledby')))
        .map(one => one.outerHTML.slice(0, 200))"""
    assert browser.run(dangling) == []


def test_a_server_that_stops_does_not_wait_for_who_watches(browser: Browser, server: Server) -> None:
    watch(browser, server)
    server.stop()
    assert "graceful shutdown exceeded" not in server.log
    browser.wait("#connection", "The server does not answer")
