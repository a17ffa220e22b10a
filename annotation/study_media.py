"""What a study shows besides text: copies made before raters come, and what does not go well."""

from __future__ import annotations

from collections import defaultdict

from django.db.models import Q, QuerySet

from annotation.models import Study
from generation.copies import STANDARD_LOUDNESS, make_copies
from generation.models import Media, Output, OutputQuerySet, System


def prepare_media(study: Study) -> int:
    """Make the copies that raters will be sent; return how many were missing.

    Each stands as soon as it is made, so that a launch that was cut short goes on from there.
    """
    return make_copies(media_of(study), loudness=study.way.loudness)


def media_of(study: Study) -> QuerySet[Media]:
    """Return every file that the study can show, each once."""
    prompts = study.prompt_set.prompts.order_by()
    shown = (
        Q(pk__in=_outputs(study).filter(media__isnull=False).values("media"))
        | Q(pk__in=prompts.filter(media__isnull=False).values("media"))
        | Q(pk__in=prompts.filter(reference_media__isnull=False).values("reference_media"))
    )
    return Media.objects.filter(shown).order_by("pk")


def media_problems(study: Study) -> list[str]:
    """Say why the draft's files keep it from being launched."""
    return [*_mixed(study), *_late(study)]


def _outputs(study: Study) -> OutputQuerySet:
    of_study: OutputQuerySet = Output.objects.filter(
        system__in=study.systems.all(),
        prompt__prompt_set=study.prompt_set,
        sample=study.sample,
    ).order_by()
    return of_study


def _mixed(study: Study) -> list[str]:
    """Outputs of one prompt that are not of one kind would be told apart at a glance."""
    done = _outputs(study).done()
    if not done.filter(media__isnull=False).exists():
        return []
    kinds: dict[str, set[str]] = defaultdict(set)
    for key, mime in done.values_list("prompt__key", "media__mime"):
        kinds[key].add((mime or "text").partition("/")[0])
    mixed = [key for key, found in kinds.items() if len(found) > 1]
    if not mixed:
        return []
    found = " and ".join(sorted(kinds[mixed[0]]))
    return [f"{len(mixed)} prompts have outputs of several kinds; {mixed[0]} has {found}."]


def _late(study: Study) -> list[str]:
    """Copies of sounds to come are made by the worker, and only in the standard way."""
    speaking = study.systems.filter(backend=System.Backend.SPEECH)
    late = _outputs(study).unfinished().filter(system__in=speaking).count()
    if not late or study.way.loudness == STANDARD_LOUDNESS:
        return []
    return [
        f"{late} sounds are still being made. With a loudness other than "
        f"{STANDARD_LOUDNESS:g} LUFS, launch when they are there."
    ]
