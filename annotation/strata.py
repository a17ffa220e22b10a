"""Strata: which share of every rater's tasks each category of prompts has."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from generation.models import Prompt

#: More categories than that are labels of single prompts, and no rater's tasks can follow them.
MOST_CATEGORIES = 100


def shares_of_prompts(prompts: QuerySet[Prompt]) -> dict[str, float]:
    """Return each category's share of the prompts; empty where there is one, or too many."""
    rows = prompts.order_by("category").values_list("category")
    counts = dict(rows.annotate(count=Count("pk")))
    if not 2 <= len(counts) <= MOST_CATEGORIES:
        return {}
    total = sum(counts.values())
    return {category: count / total for category, count in counts.items()}
