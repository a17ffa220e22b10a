"""Models are data: nothing from outside the operator's folders, no pickles, no code, no network."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from generation.backends import hub
from generation.backends.local_models import file_hashes, model_folder
from generation.exceptions import ModelNotFound, ModelNotUsable
from tests.processes import ROOT


@pytest.fixture
def model(settings, tmp_path):
    """A folder below an allowed root, with a secret file outside of it."""
    root = tmp_path / "models"
    folder = root / "mine"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "secret").write_text("secret")
    settings.EVALSITE_MODEL_ROOTS = [root.resolve()]
    settings.DATA_DIR = tmp_path / "data"
    return folder


def test_a_link_in_the_folder_that_leads_out_is_refused(model, tmp_path):
    (model / "tokenizer.json").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelNotUsable, match=r"'tokenizer\.json' is a link that leads out"):
        model_folder("mine")


def test_a_link_deep_in_the_folder_that_leads_out_is_refused(model, tmp_path):
    (model / "more").mkdir()
    (model / "more" / "x.json").symlink_to(tmp_path / "secret")
    with pytest.raises(ModelNotUsable, match="leads out"):
        model_folder("mine")


def test_a_link_that_stays_inside_is_taken(model):
    blobs = model.parent / "blobs"
    blobs.mkdir()
    (blobs / "0").write_text("{}")
    (model / "config.json").symlink_to(blobs / "0")
    assert model_folder("mine") == model.resolve()
    assert file_hashes(model)["config.json"] == sha256(b"{}").hexdigest()


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ({"weight_map": {"a": "pytorch_model.bin"}}, "names 'pytorch_model.bin'"),
        ({"weight_map": {"a": "../../secret.safetensors"}}, "names '../../secret.safetensors'"),
        ({"weight_map": {"a": "/secret.safetensors"}}, "names '/secret.safetensors'"),
        ({"weight_map": {"a": 7}}, "names 7"),
        ({"weight_map": ["a"]}, "is no index"),
        ({}, "is no index"),
        ([], "is no index"),
    ],
)
def test_an_index_that_names_anything_but_safetensors_is_refused(model, index, words):
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelNotUsable, match=words):
        model_folder("mine")


def test_an_index_of_safetensors_is_taken(model):
    index = {"weight_map": {"a": "model.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    assert model_folder("mine") == model.resolve()


def test_every_file_that_decides_what_comes_out_is_hashed(model):
    for name in ("config.json", "tokenizer.model", "merges.txt", "chat_template.jinja", "x.py"):
        (model / name).touch()
    hashed = {"model.safetensors", "config.json", "tokenizer.model", "merges.txt"}
    assert file_hashes(model).keys() == hashed | {"chat_template.jinja"}


def load(name: str, root) -> str:
    """Load a model as a worker does; return the error that ends it."""
    code = (
        "import django, sys; django.setup(); from generation.backends import load_backend;"
        f"load_backend('transformers', {name!r}, dtype='float32')"
    )
    environment = {
        "DJANGO_SETTINGS_MODULE": "evalsite.settings",
        "EVALSITE_DATA": str(root / "data"),
        "EVALSITE_MODEL_ROOTS": str(root),
        "EVALSITE_SECRET_KEY": "x",
        "OMP_NUM_THREADS": "1",
    }
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode != 0
    return ran.stderr.strip().splitlines()[-1]


@pytest.mark.model
def test_code_in_a_models_folder_is_never_run(model, tmp_path):
    trap = tmp_path / "trap"
    (model / "evil.py").write_text(f"open({str(trap)!r}, 'w')\nclass C: pass\n")
    auto_map = {
        "AutoConfig": "evil.C",
        "AutoModelForCausalLM": "evil.C",
        "AutoTokenizer": ["evil.C", None],
    }
    config = {"model_type": "evil", "auto_map": auto_map, "tokenizer_class": "C"}
    for name in ("config.json", "tokenizer_config.json"):
        (model / name).write_text(json.dumps(config))
    assert "trust_remote_code" in load("mine", model.parent)
    assert not trap.exists()


@pytest.mark.model
def test_weights_that_are_a_pickle_under_a_safe_name_are_not_unpickled(model, tmp_path):
    trap = tmp_path / "trap"
    pickle = f"cos\nsystem\n(S'touch {trap}'\ntR.".encode()
    for name in ("model.safetensors", "pytorch_model.bin"):
        (model / name).write_bytes(pickle)
    config = {"model_type": "llama", "vocab_size": 8, "hidden_size": 8, "num_hidden_layers": 1,
              "num_attention_heads": 1, "intermediate_size": 8}  # fmt: skip
    (model / "config.json").write_text(json.dumps(config))
    words = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    tokenizer = {"version": "1.0", "added_tokens": [], "model": words}
    (model / "tokenizer.json").write_text(json.dumps(tokenizer))
    (model / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    assert "Safetensor" in load("mine", model.parent)
    assert not trap.exists()


# The hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAME = f"hub:org/tiny@{COMMIT}"


def test_the_hub_is_closed_unless_the_operator_opens_it(model, monkeypatch):
    monkeypatch.setattr(hub, "_fetch", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(ModelNotUsable, match="EVALSITE_ALLOW_HUB"):
        model_folder(NAME)


@pytest.mark.parametrize(
    "name",
    [
        "hub:org/tiny", "hub:org/tiny@main", f"hub:tiny@{COMMIT}", f"hub:../x@{COMMIT}",
        f"hub:org/../x@{COMMIT}", f"hub:org/tiny@{COMMIT}/..", f"hub:org/tiny@{COMMIT}\n",
        f"hub:--x/tiny@{COMMIT}",
    ],
)  # fmt: skip
def test_a_name_of_the_hub_without_a_commit_is_refused(model, settings, monkeypatch, name):
    settings.EVALSITE_ALLOW_HUB = True
    monkeypatch.setattr(hub, "_fetch", lambda *_: pytest.fail("it was asked"))
    with pytest.raises(ModelNotUsable, match="is not hub:ORGANISATION/NAME@COMMIT"):
        model_folder(name)


FILES = {
    "model.safetensors": b"weights",
    "config.json": b"{}",
    "pytorch_model.bin": b"pickle",
    "modeling_tiny.py": b"code",
}


@contextmanager
def hub_server():
    """A hub on loopback with one model; yield its address and the paths that were asked for."""
    asked: list[str] = []

    info = {"id": "org/tiny", "sha": COMMIT, "siblings": [{"rfilename": n} for n in FILES]}
    tree = [{"type": "file", "path": n, "size": len(FILES[n]), "oid": "0" * 40} for n in FILES]
    answers = {
        f"/api/models/org/tiny/revision/{COMMIT}": json.dumps(info).encode(),
        f"/api/models/org/tiny/tree/{COMMIT}": json.dumps(tree).encode(),
        **{f"/org/tiny/resolve/{COMMIT}/{name}": content for name, content in FILES.items()},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            content = answers.get(self.path.partition("?")[0])
            self.reply(content or b"{}", status=200 if content else 404)

        def do_HEAD(self) -> None:
            self.do_GET()

        def reply(self, content: bytes, *, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.send_header("ETag", f'"{sha256(content).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        def log_message(self, *_) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.model
def test_an_open_hub_gives_weights_and_settings_once_and_neither_pickles_nor_code(
    model, settings, monkeypatch
):
    settings.EVALSITE_ALLOW_HUB = True
    with hub_server() as (address, asked):
        monkeypatch.setenv("HF_ENDPOINT", address)
        folder = model_folder(NAME)
        kept = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix}
        assert kept == {name: FILES[name] for name in ("model.safetensors", "config.json")}
        asked.clear()
        assert model_folder(NAME) == folder
        assert asked == []


@pytest.mark.model
def test_a_model_that_the_hub_does_not_give_is_not_found(model, settings, monkeypatch):
    settings.EVALSITE_ALLOW_HUB = True
    with hub_server() as (address, _):
        monkeypatch.setenv("HF_ENDPOINT", address)
        with pytest.raises(ModelNotFound, match="The hub gave no org/other"):
            model_folder(f"hub:org/other@{COMMIT}")
