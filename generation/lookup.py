"""Rows that commands name by slug."""

from __future__ import annotations

from evalsite.lib.exceptions import InputRefused
from generation.models import Job, PromptSet, System


def prompt_set_named(slug: str) -> PromptSet:
    if found := PromptSet.objects.select_related("owner").filter(slug=slug).first():
        return found
    raise InputRefused(f"unknown prompt set {slug!r}", expected="the slug of a prompt set")


def system_named(slug: str) -> System:
    if found := System.objects.select_related("owner").filter(slug=slug).first():
        return found
    raise InputRefused(f"unknown system {slug!r}", expected="the slug of a system")


def job_numbered(number: int) -> Job:
    """Return the job with its counts."""
    jobs = Job.objects.with_counts().select_related("system", "prompt_set")
    if found := jobs.filter(pk=number).first():
        return found
    raise InputRefused(f"unknown job {number}", expected="the number of a job")
