"""The real backend: what it loads, what it refuses, and what a row's text depends on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
import torch  # noqa: TID253 - it runs the model

from generation.backends import GenerationRequest, local_models
from generation.backends.local_models import model_folder
from generation.backends.sampling import choose_tokens
from generation.backends.settings import GenerationSettings
from generation.exceptions import ModelNotFound, ModelNotUsable

MODEL = "smollm2-135m-instruct"
PROMPTS = [
    "Say only the word yes.",
    "Explain in a sentence or two why the sea is salty, and why a lake usually is not.",
    "Name one colour.",
]


@pytest.mark.parametrize(
    "name", ["../secrets", "/etc", "nothing-here", "", ".", "inside/../../outside", "link"]
)
def test_no_name_leads_out_of_the_model_folders(settings, tmp_path, name):
    root, outside = tmp_path / "models", tmp_path / "outside"
    for folder in (root / "inside", outside):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
    (root / "link").symlink_to(outside)
    settings.EVALSITE_MODEL_ROOTS = [root.resolve()]
    assert model_folder("inside") == (root / "inside").resolve()
    with pytest.raises(ModelNotFound):
        model_folder(name)


def test_a_folder_of_pickles_is_refused(settings, tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "pytorch_model.bin").touch()
    settings.EVALSITE_MODEL_ROOTS = [tmp_path.resolve()]
    with pytest.raises(ModelNotUsable):
        model_folder("old")


def test_the_web_process_never_imports_torch():
    code = "import evalsite.wsgi, evalsite.urls, sys; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def drawn(shares: list[float], rows: int, *, steps: int = 0, **settings) -> torch.Tensor:
    """Tokens that rows of their own keys draw from the same shares."""
    scores = torch.log(torch.tensor(shares)).repeat(rows, 1)
    warm = GenerationSettings(temperature=1.0, **settings)
    requests = [
        GenerationRequest(key=i, messages=[], settings=warm, seed_key=i.to_bytes(8, "little"))
        for i in range(rows)
    ]
    return choose_tokens(scores, requests, [steps] * rows)


def test_the_sampler_draws_with_the_right_frequencies_whatever_the_batch():
    shares, rows = [0.5, 0.3, 0.15, 0.05], 20_000
    tokens = drawn(shares, rows)
    found = torch.bincount(tokens, minlength=4) / rows
    # Four standard errors of the largest share.
    assert torch.allclose(found, torch.tensor(shares), atol=4 * (0.25 / rows) ** 0.5)
    assert torch.equal(drawn(shares, 100), tokens[:100])


def test_every_step_draws_anew():
    first, second = drawn([0.5, 0.5], 1000, steps=0), drawn([0.5, 0.5], 1000, steps=1)
    assert 400 < (first == second).sum() < 600


def test_a_row_with_a_seed_does_not_depend_on_greedy_neighbours():
    torch.manual_seed(0)
    scores = torch.randn(40, 50)
    requests = [request(i, temperature=(0.0, 0.8)[i % 2]) for i in range(40)]
    together = choose_tokens(scores, requests, list(range(40)))
    for i in range(40):
        assert choose_tokens(scores[i : i + 1], [requests[i]], [i]).item() == together[i]
    assert torch.equal(together[::2], scores[::2].argmax(-1))


def test_top_k_and_top_p_leave_out_the_tail():
    shares = [0.6, 0.25, 0.1, 0.05]
    for limits, allowed in (({"top_k": 2}, {0, 1}), ({"top_p": 0.8}, {0, 1}), ({}, {0, 1, 2, 3})):
        assert set(drawn(shares, 500, **limits).tolist()) == allowed


@pytest.fixture(scope="module")
def backend():
    from generation.backends import load_backend

    torch.set_num_threads(1)
    return load_backend("transformers", MODEL, dtype="float32")


def request(number: int, **settings) -> GenerationRequest:
    return GenerationRequest(
        key=number,
        messages=[{"role": "user", "content": PROMPTS[number % len(PROMPTS)]}],
        settings=GenerationSettings(**{"max_new_tokens": 10, **settings}),
        seed_key=bytes([number]) * 32,
    )


def made(backend, requests):
    return [result for result in backend.generate(requests) if result]


def texts(backend, requests) -> dict[int, str]:
    return {result.key: result.text for result in made(backend, requests)}


@pytest.mark.model
def test_a_row_says_the_same_alone_in_refilled_slots_and_in_any_order(backend):
    mixed = [
        request(i, temperature=t, max_new_tokens=4 + 2 * i)
        for i, t in enumerate((0.0, 1.0, 1.2, 0.0))
    ]
    together = texts(backend, mixed)
    slots, backend.batch_size = backend.batch_size, 2
    backend.engine.shares = False
    try:
        assert texts(backend, mixed[::-1]) == together
        backend.engine.shares = True
        assert texts(backend, mixed) == together
    finally:
        backend.batch_size, backend.engine.shares = slots, True
    for one in mixed:
        assert texts(backend, [one])[one.key] == together[one.key]


@pytest.mark.model
def test_counts_and_reasons_are_right(backend):
    [cut] = made(backend, [request(1, max_new_tokens=4)])
    assert (cut.finish_reason, cut.output_tokens) == ("length", 4)
    assert len(cut.provenance["token_ids"]) == 4
    [free] = made(backend, [request(0, max_new_tokens=40)])
    assert free.finish_reason in ("eos", "length")
    assert (free.finish_reason == "eos") == (free.provenance["token_ids"][-1] in backend.eos_ids)
    assert free.prompt_tokens > 10
    first_word = cut.text.split()[0]
    [stopped] = made(backend, [request(1, max_new_tokens=10, stop=(first_word,))])
    assert (stopped.finish_reason, stopped.text) == ("stop", "")


@pytest.mark.model
def test_a_row_that_cannot_be_generated_fails_alone(backend):
    long = replace(request(0), messages=[{"role": "user", "content": "word " * 10_000}])
    empty = replace(request(1), messages=[{"role": "user", "content": "  "}])
    results = {r.key: r for r in made(backend, [long, empty, request(2)])}
    assert "context leaves room for" in results[0].error
    assert results[1].error == "The prompt is empty."
    assert results[2].error == ""


@pytest.mark.model
def test_provenance_names_weights_versions_and_settings(backend):
    made_by = backend.provenance()
    assert len(made_by["files"]["model.safetensors"]) == 64
    assert {"torch", "transformers", "evalsite", "python"} <= made_by["versions"].keys()
    assert made_by["dtype"] == "float32"


@pytest.mark.model
def test_a_row_that_stops_early_counts_none_of_the_padding(backend):
    first_word = texts(backend, [request(1)])[1].split()[0]
    stopping = request(1, stop=(first_word,))
    results = {r.key: r for r in made(backend, [stopping, request(2, max_new_tokens=12)])}
    alone = made(backend, [stopping])[0]
    assert results[1].finish_reason == "stop"
    assert results[1].output_tokens == alone.output_tokens < 10
    assert results[1].provenance["token_ids"] == alone.provenance["token_ids"]


def test_two_processes_that_convert_at_once_leave_one_whole_folder(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    package = tmp_path / "weights.gguf"
    package.write_bytes(b"weights")
    monkeypatch.setattr(local_models, "package_file", lambda package_name, file: package)
    nested = []

    def convert(source, target):
        if not nested:  # another process begins and ends while this one converts
            nested.append("second")
            nested.append(model_folder(MODEL))
        (target / "model.safetensors").write_text("".join(map(str, nested[:1])))

    monkeypatch.setattr(local_models, "_convert", convert)
    assert model_folder(MODEL) == nested[1]
    assert [path.name for path in (tmp_path / "data" / "models").iterdir()] == [nested[1].name]
    assert [path.name for path in nested[1].iterdir()] == ["model.safetensors"]


def test_a_conversion_that_breaks_leaves_nothing_behind(monkeypatch, settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    package = tmp_path / "weights.gguf"
    package.write_bytes(b"weights")
    monkeypatch.setattr(local_models, "package_file", lambda package_name, file: package)

    def convert(source, target):
        (target / "half").touch()
        raise OSError("no space left on device")

    monkeypatch.setattr(local_models, "_convert", convert)
    with pytest.raises(OSError, match="no space"):
        model_folder(MODEL)
    assert list((tmp_path / "data" / "models").iterdir()) == []
