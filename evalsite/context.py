"""What every template of the site can use."""

from __future__ import annotations

from django.http import HttpRequest

LINKS = [
    ("annotation:study-list", "Studies"),
    ("generation:system-list", "Systems"),
    ("generation:prompt-set-list", "Prompt sets"),
    ("generation:job-list", "Jobs"),
    ("ranking:benchmark-list", "Benchmarks"),
]


def navigation(request: HttpRequest) -> dict[str, list[tuple[str, str]]]:
    return {"nav_links": LINKS}
