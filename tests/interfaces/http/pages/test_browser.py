"""The pages in a real browser: they work by keyboard, say what a screen reader needs, and break no policy of theirs."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright
from tests.interfaces.http.client import Served
from tests.services.identity.deployment import PASSWORD

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(CHROMIUM is None, reason="needs the program chromium (Debian package chromium)"),
]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


async def shot(page: Page, name: str) -> None:
    """Kept only for somebody who wants to look: `ANTIPHON_SCREENSHOTS=DIR pytest …`."""
    if directory := os.environ.get("ANTIPHON_SCREENSHOTS"):
        await page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)


async def open_page(browser: Browser, locale: str = "en-GB", dark: bool = False, width: int = 900) -> Page:
    context = await browser.new_context(
        ignore_https_errors=True,
        locale=locale,
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": 700},
    )
    page = await context.new_page()
    page.on("console", lambda message: complaints.append(message.text))
    complaints: list[str] = []
    page.complaints = complaints  # type: ignore[attr-defined]
    return page


async def test_a_person_signs_in_with_the_keyboard_and_is_sent_back_to_the_program(
    served: Served, browser: Browser
) -> None:
    page = await open_page(browser)
    arrived: list[bytes] = []

    async def program(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    callback = await asyncio.start_server(program, "127.0.0.1", 0)
    port = callback.sockets[0].getsockname()[1]
    address = (
        f"{served.origin}/ssosp/oauth/authorize?client_id=antiphon-cli&response_type=code&state=s"
        f"&redirect_uri=http://127.0.0.1:{port}/callback&code_challenge={'c' * 43}&code_challenge_method=S256"
    )
    await page.goto(address)
    assert await page.evaluate("document.activeElement.id") == "username"
    await shot(page, "sign-in")
    await page.keyboard.type("alice")
    await page.keyboard.press("Tab")
    await page.keyboard.type("wrong")
    await page.keyboard.press("Enter")
    error = page.get_by_role("alert")
    assert await error.inner_text() == "The user name or the password is wrong."
    assert await page.evaluate("document.activeElement.id") == "password"
    assert (await page.title()).startswith("Error")
    described = page.get_by_label("Password")
    assert await described.get_attribute("aria-describedby") == await error.get_attribute("id")
    await shot(page, "sign-in-error")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"http://127.0.0.1:{port}/**")
    callback.close()
    await callback.wait_closed()
    assert arrived[0].startswith(b"GET /callback?code=")
    assert not [text for text in page.complaints if "Content Security" in text]  # type: ignore[attr-defined]


async def test_a_device_is_connected_in_other_languages_on_a_small_dark_screen(
    served: Served, browser: Browser
) -> None:
    for locale, lang in (("fr-FR", "fr"), ("zh-TW", "zh-Hant")):
        grant = served.house.server.start_device({"client_id": "antiphon-cli"})
        page = await open_page(browser, locale, dark=True, width=360)
        await page.goto(f"{served.origin}/device")
        assert await page.evaluate("document.documentElement.lang") == lang
        await shot(page, f"device-sign-in-{lang}")
        await page.locator("#username").fill("alice")
        await page.locator("#password").fill(PASSWORD)
        await page.locator("button").click()
        await page.locator("#user_code").fill("XXXXXXXX")
        await page.keyboard.press("Enter")
        await page.get_by_role("alert").wait_for()
        await shot(page, f"device-code-{lang}")
        await page.locator("#user_code").fill(grant.user_code)
        await page.keyboard.press("Enter")
        await page.locator(".shown-code").wait_for()
        await shot(page, f"device-confirm-{lang}")
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= 360
        await page.locator("button[value=allow]").press("Enter")
        await page.get_by_role("status").wait_for()
        await shot(page, f"device-done-{lang}")
        assert grant.state.value == "approved"
        await page.goto(f"{served.origin}/ssosp/signout")
        await shot(page, f"sign-out-{lang}")
        await page.locator("button").press("Enter")
        await page.get_by_role("status").wait_for()
        await page.context.close()


async def test_a_refused_request_is_explained(served: Served, browser: Browser) -> None:
    page = await open_page(browser)
    answer = await page.goto(
        f"{served.origin}/ssosp/oauth/authorize?client_id=antiphon-cli&redirect_uri=https://evil.test"
    )
    assert answer is not None
    assert answer.status == 400
    assert "AP-ID-022" in await page.inner_text("main")
    await shot(page, "refused")


CONTRAST = """
() => {
  const luminance = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map(Number).map(value => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = element => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!colour.startsWith('rgba(0, 0, 0, 0')) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('h1, p, label, button, input, a')].map(element => {
    const [light, dark] = [luminance(getComputedStyle(element).color), luminance(background(element))]
      .sort((one, two) => two - one);
    return [element.tagName, (light + 0.05) / (dark + 0.05)];
  });
}
"""


@pytest.mark.parametrize("dark", [False, True])
async def test_every_text_has_the_contrast_of_wcag_aa(served: Served, browser: Browser, dark: bool) -> None:
    page = await open_page(browser, dark=dark)
    await page.goto(f"{served.origin}/device")
    await page.locator("#username").fill("alice")
    await page.locator("#password").fill("wrong")
    await page.keyboard.press("Enter")
    await page.get_by_role("alert").wait_for()
    await shot(page, f"error-{'dark' if dark else 'light'}")
    for element, ratio in await page.evaluate(CONTRAST):
        assert ratio >= 4.5, (element, ratio)
