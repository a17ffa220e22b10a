"""From a key press to the next task on the screen: a rater in Chromium, a server on loopback."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from scripts.bench.servers import serving
from scripts.bench.timing import say

ROOT = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
#: Presses a key and waits until the next task was painted: two frames after it came in.
PRESS = """
() => new Promise((done) => {
  const begin = performance.now();
  const painted = () => done(performance.now() - begin);
  document.addEventListener("htmx:afterSwap", () => {
    requestAnimationFrame(() => requestAnimationFrame(painted));
  }, { once: true });
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "1", bubbles: true }));
})
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench screen", description=__doc__)
    parser.add_argument("--answers", type=int, default=100, help="after ten that do not count")
    answers = parser.parse_args().answers
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "EVALSITE_DATA": folder,
            "EVALSITE_HOSTS": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "evalsite.settings",
        }
        os.environ |= environment
        path = _invitation(prompts=answers + 20)
        with serving("evalsite.wsgi", folder=ROOT, environment=environment) as server:
            times = _judge(f"http://127.0.0.1:{server.port}{path}", answers)
    slowest = sorted(times)[round(0.95 * (len(times) - 1))]
    say(
        f"{len(times)} answers: the next task was painted after {statistics.median(times):.0f} ms "
        f"(median), {slowest:.0f} ms (95 of 100), {max(times):.0f} ms (longest)"
    )


def _invitation(*, prompts: int) -> str:
    """Make a study of pairs and return a rater's link."""
    import django

    django.setup()
    from django.core.management import call_command

    from annotation.services import invite_raters
    from scripts.bench.large_study import make_study

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    study = make_study("screen", systems=2, prompts=prompts, judgments_per_task=1)
    (rater,) = invite_raters(study, count=1)
    return f"/r/{rater.invite_token}/"


def _judge(address: str, answers: int) -> list[float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        _go_to_the_tasks(page)
        times = [float(page.evaluate(PRESS)) for _ in range(10 + answers)]
        browser.close()
    return times[10:]


def _go_to_the_tasks(page: Page) -> None:
    while page.locator("#answer").count() == 0:
        page.locator("main form button").first.click()


if __name__ == "__main__":
    main()
