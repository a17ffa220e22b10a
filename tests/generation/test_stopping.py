"""A worker that is asked to stop finishes a step and no more, and nothing half made is stored."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from generation.backends import load_backend, sampling, static_batches
from generation.backends.rows import Endings
from generation.backends.steps import Steps
from generation.models import Job, System
from generation.services import queue_generation
from generation.worker import Worker
from tests.factories import make_prompt_set, make_system
from tests.generation.tiny_models import ask, save_model


def counting(steps: Steps, seen: list[int], *, most: int = 5) -> None:
    """Count, a number a step."""
    for number in range(most):
        seen.append(number)
        if not steps.pause():
            return


def test_steps_are_taken_one_by_one_and_only_when_asked_for():
    steps, seen = Steps(), []
    taken = steps.of(lambda: counting(steps, seen))
    assert seen == []
    for number, _ in enumerate(taken):
        assert seen == list(range(number + 1))
    assert seen == [0, 1, 2, 3, 4]


def test_who_leaves_waits_for_the_end_and_no_other_step_is_taken():
    steps, seen, before = Steps(), [], threading.active_count()
    taken = steps.of(lambda: counting(steps, seen))
    next(taken)
    next(taken)
    taken.close()
    assert seen == [0, 1]
    assert threading.active_count() == before


def test_what_goes_wrong_is_raised_where_steps_are_taken():
    steps, seen = Steps(), []

    def fail() -> None:
        counting(steps, seen, most=2)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        list(steps.of(fail))
    assert seen == [0, 1]


@pytest.fixture
def job(settings, tmp_path, db) -> Job:
    settings.EVALSITE_MODEL_ROOTS = [tmp_path.resolve()]
    system = make_system(
        backend=System.Backend.TRANSFORMERS,
        model=save_model(tmp_path, "mamba"),
        settings={"temperature": 1.0, "max_new_tokens": 50, "dtype": "float32"},
    )
    return queue_generation(system=system, prompt_set=make_prompt_set(prompts=6))


@pytest.fixture
def lengths(monkeypatch) -> list[int]:
    """How many tokens a row has, each time that one is added."""
    found: list[int] = []
    take = Endings.take

    def counted(self, row, token):
        ended = take(self, row, token)
        found.append(len(row.made))
        return ended

    monkeypatch.setattr(Endings, "take", counted)
    return found


def test_a_batch_is_left_after_the_step_at_hand(monkeypatch, job, lengths):
    worker, chosen = Worker(), sampling.choose_tokens

    def stop_at_the_third(scores, requests, steps):
        if steps[0] == 2:
            worker.stop.set()
        return chosen(scores, requests, steps)

    monkeypatch.setattr(static_batches, "choose_tokens", stop_at_the_third)
    finished = worker.run(drain=True)
    assert max(lengths) == 3
    assert job.outputs.done().count() == finished < 6
    given_back = job.outputs.pending().filter(attempts=0, lease_until=None, text="")
    assert given_back.count() == 6 - finished


def test_a_row_that_has_ended_is_stored_though_its_batch_is_left(settings, tmp_path, lengths):
    settings.EVALSITE_MODEL_ROOTS = [tmp_path.resolve()]
    backend = load_backend("transformers", save_model(tmp_path, "mamba"), dtype="float32")
    backend.endings = backend.engine.endings = replace(backend.endings, eos_ids=frozenset())
    requests = [ask(i, "x", max_new_tokens=n) for i, n in enumerate((20, 2, 20))]
    made = backend.generate(requests)
    events = [next(made) for _ in range(3)]
    made.close()
    assert [event and event.key for event in events] == [None, 1, None]
    assert sorted(lengths) == [1, 1, 1, 2, 2, 2]
    assert events[1].provenance["batch_rows"] == 3
    together = [event for event in backend.generate(requests) if event]
    assert together[0].provenance["token_ids"] == events[1].provenance["token_ids"]
