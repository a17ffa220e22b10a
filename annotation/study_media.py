"""What a study shows besides text: copies made before raters come, and what does not go well."""

from __future__ import annotations

from collections import defaultdict
from statistics import fmean

from django.db.models import Q, QuerySet

from annotation.models import Study
from generation.copies import STANDARD_LOUDNESS, make_copies, recipe_of
from generation.media_files.kinds import AUDIO
from generation.models import Media, ServedCopy, System

#: Of the mean lengths of two systems: from there on it is said.
LONGER = 1.5


def prepare_media(study: Study) -> int:
    """Make the copies that raters will be sent; return how many were missing.

    Each stands as soon as it is made, so that a launch that was cut short goes on from there.
    """
    return make_copies(media_of(study), loudness=study.way.loudness)


def media_of(study: Study) -> QuerySet[Media]:
    """Return every file that the study can show, each once."""
    prompts = study.prompts.order_by()
    shown = (
        Q(pk__in=study.outputs.filter(media__isnull=False).values("media"))
        | Q(pk__in=prompts.filter(media__isnull=False).values("media"))
        | Q(pk__in=prompts.filter(reference_media__isnull=False).values("reference_media"))
    )
    return Media.objects.filter(shown).order_by("pk")


def media_problems(study: Study) -> list[str]:
    """Say why the draft's files keep it from being launched."""
    return [*_mixed(study), *_late(study)]


def _mixed(study: Study) -> list[str]:
    """Outputs of one prompt that are not of one kind would be told apart at a glance."""
    done = study.outputs.done()
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
    late = study.outputs.unfinished().filter(system__in=speaking).count()
    if not late or study.way.loudness == STANDARD_LOUDNESS:
        return []
    return [
        f"{late} sounds are still being made. With a loudness other than "
        f"{STANDARD_LOUDNESS:g} LUFS, launch when they are there."
    ]


def media_warnings(study: Study) -> list[str]:
    """Say what about the draft's files could sway raters, though nothing keeps it from launch."""
    facts = (
        study.outputs.done()
        .filter(media__isnull=False)
        .values_list("system__name", "media__seconds", "media__width", "media__height")
    )
    seconds: dict[str, list[float]] = defaultdict(list)
    sizes: dict[str, set[str]] = defaultdict(set)
    for name, length, width, height in facts:
        if length:
            seconds[name].append(length)
        if width:
            sizes[name].add(f"{width} x {height}")
    return [*_lengths(seconds), *_sizes(sizes), *_quiet(study)]


def _lengths(seconds: dict[str, list[float]]) -> list[str]:
    means = sorted((fmean(values), name) for name, values in seconds.items())
    if len(means) < 2 or means[-1][0] < LONGER * means[0][0]:
        return []
    (short, first), (long, last) = means[0], means[-1]
    return [
        f"What {last} made lasts {long:.1f} s on average, what {first} made {short:.1f} s: "
        "raters may judge the length."
    ]


def _sizes(sizes: dict[str, set[str]]) -> list[str]:
    if len({frozenset(found) for found in sizes.values()}) < 2:
        return []
    said = "; ".join(f"{name} {', '.join(sorted(found)[:3])}" for name, found in sizes.items())
    return [f"Sizes tell systems apart: {said}."]


def _quiet(study: Study) -> list[str]:
    """Find what its peaks keep from the wanted loudness, as far as copies are made already."""
    wanted = study.way.loudness
    if wanted is None:
        return []
    copies = ServedCopy.objects.filter(
        source__outputs__in=study.outputs.done(),
        recipe=recipe_of(AUDIO, wanted),
        media__loudness__lt=wanted - 1,
    )
    count = copies.values("source").distinct().count()
    if not count:
        return []
    return [f"{count} sounds stay quieter than {wanted:g} LUFS: their peaks allow no more."]
