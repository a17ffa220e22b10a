"""What every test can ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.cache import cache

from evalsite.lib.catalogs import compile_stale_catalogs

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--only-database", action="store_true", help="leave out tests that use no database"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--only-database"):
        return
    fixtures = {"db", "transactional_db", "live_server"}
    chosen: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        uses = item.get_closest_marker("django_db") or fixtures & set(
            getattr(item, "fixturenames", ())
        )
        (chosen if uses else left_out).append(item)
    items[:] = chosen
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data of others, kept beside the checkout and never in it."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("no ../shared/data beside the checkout")
        pytest.skip("no ../shared/data beside the checkout")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _compiled_catalogs() -> None:
    compile_stale_catalogs()


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    cache.clear()
