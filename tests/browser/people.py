"""What people do in the browser, in their words."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from annotation.models import Rater


def sign_in(page: Page, user: User) -> None:
    page.goto("/accounts/sign-in/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(f"{user.username}-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="Studies").first).to_be_visible()


def start_judging(page: Page, rater: Rater) -> None:
    """Open the invite link and go through consent and instructions to the first task."""
    page.goto(f"/r/{rater.invite_token}/")
    while "/judge/" not in page.url:
        here = page.url
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_function("here => location.href !== here", arg=here)
    page.wait_for_load_state()


def violations(page: Page) -> list[str]:
    """Return what axe finds against WCAG 2.2 A and AA."""
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{page.url}: {v['id']}: {node['html'][:160]}"
        for v in found.response["violations"]
        for node in v["nodes"]
    ]


def overflows(page: Page) -> bool:
    """True when the page scrolls sideways."""
    return bool(
        page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    )
