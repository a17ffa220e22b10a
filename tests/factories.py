"""Plain makers of rows. The cast: alice owns a study, bob rates, charlie is a stranger."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.utils.timezone import now

from annotation.models import Judgment, Rater, Study, StudySystem, Task
from evalsite.lib.markdown import render_markdown
from evalsite.lib.text import sha256
from generation.models import Output, Prompt, PromptSet, System


def make_user(username: str = "alice", **kwargs: Any) -> User:
    return User.objects.filter(username=username).first() or User.objects.create_user(
        username, password=f"{username}-password", **kwargs
    )


def make_system(**kwargs: Any) -> System:
    number = System.objects.count() + 1
    kwargs.setdefault("slug", f"system-{number}")
    kwargs.setdefault("name", f"System {number}")
    kwargs.setdefault("owner", make_user())
    return System.objects.create(**kwargs)


def make_prompt_set(*, prompts: int = 2, **kwargs: Any) -> PromptSet:
    number = PromptSet.objects.count() + 1
    kwargs.setdefault("slug", f"prompts-{number}")
    kwargs.setdefault("name", f"Prompts {number}")
    kwargs.setdefault("owner", make_user())
    prompt_set = PromptSet.objects.create(**kwargs)
    for position in range(prompts):
        make_prompt(prompt_set=prompt_set, position=position)
    return prompt_set


def make_prompt(**kwargs: Any) -> Prompt:
    position = kwargs.setdefault("position", 0)
    kwargs.setdefault("key", f"p{position + 1}")
    text = kwargs.setdefault("text", f"Say something about the number {position + 1}.")
    kwargs.setdefault("html", render_markdown(text))
    return Prompt.objects.create(**kwargs)


def make_output(**kwargs: Any) -> Output:
    text = kwargs.setdefault("text", f"An output, number {Output.objects.count() + 1}.")
    kwargs.setdefault("state", Output.State.DONE)
    if kwargs["state"] == Output.State.DONE:
        kwargs.setdefault("html", render_markdown(text))
        kwargs.setdefault("text_hash", sha256(text))
        kwargs.setdefault("finished_at", now())
    kwargs.setdefault("queue_position", kwargs["prompt"].position)
    return Output.objects.create(**kwargs)


def make_outputs(prompt_set: PromptSet, systems: list[System], **kwargs: Any) -> list[Output]:
    return [
        make_output(system=system, prompt=prompt, **kwargs)
        for prompt in prompt_set.prompts.all()
        for system in systems
    ]


def make_study(*, systems: int = 2, prompts: int = 2, **kwargs: Any) -> Study:
    """A draft study over finished outputs; `annotation.services.launch_study` opens it."""
    number = Study.objects.count() + 1
    kwargs.setdefault("slug", f"study-{number}")
    kwargs.setdefault("name", f"Study {number}")
    kwargs.setdefault("title", "Helpful answers")
    kwargs.setdefault("question", "Which answer would you rather get?")
    kwargs.setdefault("owner", make_user())
    kwargs.setdefault("judgments_per_task", 2)
    if "prompt_set" not in kwargs:
        kwargs["prompt_set"] = make_prompt_set(prompts=prompts, owner=kwargs["owner"])
    competitors = [make_system(owner=kwargs["owner"]) for _ in range(systems)]
    make_outputs(kwargs["prompt_set"], competitors)
    study = Study.objects.create(**kwargs)
    for position, system in enumerate(competitors):
        StudySystem.objects.create(study=study, system=system, position=position)
    return study


def make_rater(study: Study, name: str = "bob", **kwargs: Any) -> Rater:
    return Rater.objects.create(study=study, name=name, **kwargs)


def make_judgment(task: Task, rater: Rater, **kwargs: Any) -> Judgment:
    """A judgment without an assignment, as an import makes it."""
    if "score" not in kwargs:
        kwargs.setdefault("verdict", Judgment.Verdict.A)
        kwargs.setdefault("left", "a")
    return Judgment.objects.create(study=task.study, task=task, rater=rater, **kwargs)
