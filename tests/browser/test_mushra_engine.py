"""The sound engine of MUSHRA, measured in Chromium: rendered offline, sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ENGINE = Path(__file__).parents[2] / "evalsite" / "static" / "evalsite" / "mushra-engine.js"
FADE = 0.005

#: Renders `seconds` of what the engine plays, each sound made by `sample(number, frame)`.
RENDER = """async ({rate, seconds, frames, sounds, steps}) => {
  const context = new OfflineAudioContext(1, Math.round(seconds * rate), rate);
  const make = {
    ones: () => 1,
    // Where in the sound a sample is, told by its height.
    ramp: (i) => i / 2 ** 20,
    back: (i) => -i / 2 ** 20,
    tone: (i) => 0.5 * Math.sin(2 * Math.PI * 440 * i / rate),
  };
  const buffers = sounds.map(([kind, length]) => {
    const buffer = context.createBuffer(1, length, rate);
    buffer.getChannelData(0).forEach((_, i, data) => { data[i] = make[kind](i); });
    return buffer;
  });
  const engine = new MushraEngine(context, buffers);
  const told = steps.map(([name, ...values]) => engine[name](...values));
  const out = (await context.startRendering()).getChannelData(0);
  return {out: [...out], told, loop: engine.loop, heard: engine.heard, duration: engine.duration};
}"""


@pytest.fixture
def engine(page: Page) -> Page:
    page.goto("/accounts/sign-in/")
    page.evaluate(ENGINE.read_text())
    return page


def render(
    page: Page, sounds: list[str], steps: list[list[Any]], *, rate: int = 48_000,
    seconds: float = 2.0, length: float = 4.0,
) -> tuple[np.ndarray, dict[str, Any]]:  # fmt: skip
    lengths = [[kind, round(length * rate)] for kind in sounds]
    found = page.evaluate(
        RENDER,
        {"rate": rate, "seconds": seconds, "frames": 0, "sounds": lengths, "steps": steps},
    )
    return np.array(found.pop("out")), found


def between(out: np.ndarray, first: float, last: float, rate: int = 48_000) -> np.ndarray:
    return out[round(first * rate) : round(last * rate)]


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
def test_the_gains_of_two_sounds_add_up_to_one_all_through_a_switch(engine, rate):
    """Sounds of ones: what comes out is the sum of the gains."""
    steps = [["hear", 0, 0.1], ["hear", 1, 0.5], ["hear", 2, 0.7], ["hear", 0, 0.9]]
    out, _ = render(engine, ["ones"] * 3, steps, rate=rate)
    assert not between(out, 0, 0.1, rate).any()
    rise = between(out, 0.1, 0.105, rate)
    assert (np.diff(rise) >= -1e-6).all()
    rest = out[round(0.106 * rate) :]
    assert rest == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_after_a_switch_the_sound_is_at_the_same_place(engine, rate):
    """A ramp and its mirror tell by their height where in the sound each sample is."""
    steps = [["hear", 0, 0.0], ["hear", 1, 0.5], ["hear", 0, 1.0]]
    out, _ = render(engine, ["ramp", "back"], steps, rate=rate)
    place = np.abs(out) * 2**20
    now = np.arange(len(out))
    for first, last in ((0.01, 0.5), (0.506, 1.0), (1.006, 1.9)):
        part = slice(round(first * rate), round(last * rate))
        assert np.abs(place[part] - now[part]).max() < 1


def test_a_switch_takes_five_milliseconds_and_leaves_no_click(engine):
    steps = [["hear", 0, 0.0], ["hear", 1, 0.5]]
    out, _ = render(engine, ["ramp", "back"], steps)
    changing = np.flatnonzero(np.abs(np.abs(out) * 2**20 - np.arange(len(out))) > 2)
    changing = changing[changing > 0.25 * 48_000]
    assert 0.0045 < (changing[-1] - changing[0]) / 48_000 < 0.0055
    same, _ = render(engine, ["tone", "tone"], steps)
    alone, _ = render(engine, ["tone"], steps[:1])
    # Two equal sounds: the switch cannot be heard, or seen.
    assert same == pytest.approx(alone, abs=1e-6)


def test_switches_that_come_too_fast_wait_for_each_other(engine):
    steps = [["hear", 0, 0.1], *(["hear", number % 3, 0.5 + number / 1000] for number in range(7))]
    out, _ = render(engine, ["ones"] * 3, steps)
    assert between(out, 0.2, 1.9) == pytest.approx(1.0, abs=1e-5)


def test_a_loop_repeats_to_the_sample_with_a_faded_seam(engine):
    out, found = render(
        engine, ["ramp"], [["setLoop", 1.0, 1.5, 0.0], ["hear", 0, 0.0]], seconds=2.2
    )
    assert found["loop"] == [1.0, 1.5]
    place = out * 2**20
    for turn in range(4):
        middle = slice(round((0.5 * turn + 0.006) * 48_000), round((0.5 * turn + 0.494) * 48_000))
        expected = 48_000 + np.arange(len(out))[middle] - 24_000 * turn
        assert np.abs(place[middle] - expected).max() < 1
    for turn in (1, 2, 3):
        assert abs(out[24_000 * turn]) < 1e-6
    ones, _ = render(engine, ["ones"], [["setLoop", 1.0, 1.5, 0.0], ["hear", 0, 0.0]])
    assert np.abs(np.diff(ones[24_000 - 300 : 24_000 + 300])).max() < 1.5 / (FADE * 48_000)


@pytest.mark.parametrize(
    ("begin", "end", "loop"),
    [(1.0, 1.1, [1.0, 1.5]), (3.9, 4.0, [3.5, 4.0]), (-1, 99, [0.0, 4.0]), (2, 1, [2.0, 2.5]),
     (0.25, 3.0, [0.25, 3.0])],
)  # fmt: skip
def test_no_loop_is_shorter_than_half_a_second_or_outside_of_the_sound(engine, begin, end, loop):
    _, found = render(engine, ["ramp"], [["setLoop", begin, end, 0.0]], seconds=0.1)
    assert found["loop"] == found["told"][0] == loop


def test_a_sound_shorter_than_half_a_second_is_its_own_loop(engine):
    _, found = render(engine, ["ramp"], [["setLoop", 0.1, 0.2, 0.0]], seconds=0.1, length=0.3)
    assert found["loop"] == [0.0, 0.3]


def test_a_new_loop_goes_on_from_where_it_is_without_a_gap(engine):
    steps = [["hear", 0, 0.0], ["setLoop", 0.25, 3.0, 1.0]]
    out, _ = render(engine, ["ramp"], steps)
    assert np.abs(between(out, 0.01, 1.9) * 2**20 - np.arange(480, 91_200)).max() < 1
    gains, _ = render(engine, ["ones"], steps)
    assert between(gains, 0.01, 1.9) == pytest.approx(1.0, abs=1e-5)


def test_outside_of_the_new_loop_it_begins_again(engine):
    out, _ = render(engine, ["ramp"], [["hear", 0, 0.0], ["setLoop", 2.0, 3.0, 1.0]])
    assert out[round(1.1 * 48_000)] * 2**20 == pytest.approx(round(2.1 * 48_000), abs=1)


def test_rest_fades_out_and_the_next_sound_goes_on_from_there(engine):
    steps = [["hear", 0, 0.0], ["rest", 0.5], ["hear", 1, 1.0], ["position", 1.2]]
    out, found = render(engine, ["ramp", "back"], steps)
    assert not between(out, 0.506, 1.0).any()
    assert found["told"][3] == pytest.approx(0.7, abs=2 / 48_000)
    assert out[round(1.2 * 48_000)] * 2**20 == pytest.approx(-0.7 * 48_000, abs=2)


def test_a_shorter_sound_is_silent_at_its_end_and_stays_in_step(engine):
    rate = 48_000
    found = engine.evaluate(
        RENDER,
        {"rate": rate, "seconds": 2.4, "frames": 0,
         "sounds": [["ramp", rate], ["ramp", rate // 2]],
         "steps": [["hear", 1, 0.0], ["hear", 0, 1.1]]},
    )  # fmt: skip
    out = np.array(found["out"])
    assert found["duration"] == 1.0
    assert not out[round(0.51 * rate) : rate].any()
    assert out[round(1.5 * rate)] * 2**20 == pytest.approx(0.5 * rate, abs=1)


def test_twelve_sounds_and_a_reference_keep_step(engine):
    steps = [["hear", 0, 0.0], *(["hear", n, 0.1 * n] for n in range(1, 13))]
    out, found = render(engine, ["ramp"] * 13, steps)
    assert found["heard"] == 12
    assert np.abs(between(out, 0.01, 1.9) * 2**20 - np.arange(480, 91_200)).max() < 1
