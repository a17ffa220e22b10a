"""Studies of any size for the bench: outputs as long as the yardstick's, rows by the database."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import connection

from annotation.launch import launch_study
from annotation.models import Rater, Study, StudySystem
from annotation.services import invite_raters
from annotation.steps import INSTRUCTIONS, complete_step
from evalsite.lib.markdown import render_markdown
from evalsite.lib.text import sha256
from generation.models import Output, Prompt, PromptSet, System

TEXT = ("The quick brown fox jumps over the lazy dog & <runs>. " * 12 + "\n\n") * 2
RULES = "Read both answers.\n\n- Prefer what is **true**.\n- Length does not count."
_BATCH = 2000


def make_study(name: str, *, systems: int, prompts: int, judgments_per_task: int) -> Study:
    """Launch a pairwise study; its tasks are made in stretches, as raters come near."""
    owner = User.objects.get_or_create(username="alice")[0]
    prompt_set = PromptSet.objects.create(owner=owner, slug=name, name=name)
    Prompt.objects.bulk_create(
        (
            Prompt(
                prompt_set=prompt_set, position=i, key=f"p{i}", text=f"Prompt {i}",
                html=f"<p>Prompt {i}</p>", category=("code", "chat", "maths")[i % 3],
            )
            for i in range(prompts)
        ),
        batch_size=_BATCH,
    )  # fmt: skip
    study = Study.objects.create(
        owner=owner, slug=name, name=name, title="Answers", prompt_set=prompt_set,
        question="Which answer is better?", instructions=RULES, seed=7,
        judgments_per_task=judgments_per_task,
    )  # fmt: skip
    made = System.objects.bulk_create(
        System(owner=owner, slug=f"{name}-{i}", name=f"{name} {i}") for i in range(systems)
    )
    StudySystem.objects.bulk_create(
        StudySystem(study=study, system=system, position=i) for i, system in enumerate(made)
    )
    html, digest = render_markdown(TEXT), sha256(TEXT)
    Output.objects.bulk_create(
        (
            Output(
                system=system, prompt=prompt, state=Output.State.DONE, text=TEXT, html=html,
                text_hash=digest,
            )
            for prompt in prompt_set.prompts.only("pk")
            for system in made
        ),
        batch_size=_BATCH,
    )  # fmt: skip
    return launch_study(study)


def invite(study: Study, count: int) -> list[Rater]:
    """Invite raters who have read the instructions."""
    raters = invite_raters(study, count=count)
    for rater in raters:
        complete_step(rater, INSTRUCTIONS)
    return raters


def make_all_tasks(study: Study) -> None:
    """Put every task that is left of the design in the tables, with a slot each, at once."""
    is_sqlite = connection.vendor == "sqlite"
    token = "lower(hex(randomblob(16)))" if is_sqlite else "gen_random_uuid()"
    with connection.cursor() as cursor:
        study.refresh_from_db()
        cursor.execute(_TASKS, [False, study.pk, study.sample, study.sample])
        cursor.execute(_SLOTS.format(token=token), [study.slot_count, study.pk])
        cursor.execute("ANALYZE")
    study.task_count, study.slot_count = study.tasks.count(), study.assignments.count()
    study.design_place = study.design_count
    study.save(update_fields=["task_count", "slot_count", "design_place"])


_TASKS = """
INSERT INTO annotation_task (study_id, prompt_id, system_a_id, system_b_id, output_a_id,
                             output_b_id, ready_at, hash_a, hash_b, is_gold)
SELECT a.study_id, oa.prompt_id, a.system_id, b.system_id, oa.id, ob.id, s.launched_at,
       oa.text_hash, ob.text_hash, %s
FROM annotation_study s
JOIN annotation_studysystem a ON a.study_id = s.id
JOIN annotation_studysystem b ON b.study_id = s.id AND a.position < b.position
JOIN generation_output oa ON oa.system_id = a.system_id
JOIN generation_output ob ON ob.system_id = b.system_id AND ob.prompt_id = oa.prompt_id
WHERE s.id = %s AND oa.sample = %s AND ob.sample = %s
AND NOT EXISTS (SELECT 1 FROM annotation_task t
                WHERE t.study_id = s.id AND t.prompt_id = oa.prompt_id
                AND t.system_a_id = a.system_id AND t.system_b_id = b.system_id)
"""
_SLOTS = """
INSERT INTO annotation_assignment (study_id, task_id, k, purpose, "left", "order", position, state,
                                   token)
SELECT study_id, id, 0, 'target', CASE WHEN id %% 2 = 0 THEN 'a' ELSE 'b' END, '[]',
       %s + row_number() OVER (ORDER BY random()) - 1, 'open', {token}
FROM annotation_task t WHERE study_id = %s
AND NOT EXISTS (SELECT 1 FROM annotation_assignment s WHERE s.task_id = t.id)
"""
