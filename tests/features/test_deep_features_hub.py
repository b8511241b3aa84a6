"""Names of the hub: the real client, its cache, and a hub on this machine."""

import hashlib
import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from tests.reference.tiny_networks import save_clip, save_images
from vilma.features import DeepFeatures

pytest.importorskip("torch")
pytest.importorskip("transformers")
hub = pytest.importorskip("huggingface_hub")

NAME = "some/clip"
COMMIT = "a" * 40


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    save_clip(folder)
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    return contents | {"pytorch_model.bin": b"?", "tf_model.h5": b"?", "README.md": b"?"}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return save_images(tmp_path_factory.mktemp("images"), 3)


@pytest.fixture
def local_hub(files, tmp_path, monkeypatch):
    """An empty cache, and a hub with one model; yields the names of the files it has sent."""
    sent = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def do_HEAD(self):
            model, listing = f"/api/models/{NAME}", [{"rfilename": name} for name in files]
            path = self.path.partition("?")[0]
            name = path.rpartition("/")[2]
            if path.startswith(f"{model}/tree/"):
                tree = [
                    {"type": "file", "path": each, "size": len(content), "oid": digest(content)}
                    for each, content in files.items()
                ]
                self.answer(json.dumps(tree).encode())
            elif path.startswith(model):
                self.answer(json.dumps({"id": NAME, "sha": COMMIT, "siblings": listing}).encode())
            elif path.startswith(f"/{NAME}/resolve/") and name in files:
                if self.command == "GET":
                    sent.append(name)
                self.answer(files[name])
            else:
                self.send_error(404)

        def do_GET(self):
            self.do_HEAD()

        def answer(self, content):
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{digest(content)}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

    def digest(content):
        return hashlib.sha1(content).hexdigest()

    cache = {"cache_dir": tmp_path / "cache"}
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        there = {"endpoint": f"http://127.0.0.1:{server.server_port}"}
        for name, options in {
            "snapshot_download": cache | there,
            "try_to_load_from_cache": cache,
            "HfApi": there,
        }.items():
            monkeypatch.setattr(hub, name, partial(getattr(hub, name), **options))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, "127.0.0.1")
        hub.close_session()  # the next one looks at the environment again
        yield sent
        server.shutdown()
        hub.close_session()


def test_nothing_is_downloaded_unless_asked(local_hub, paths):
    message = r"nothing is downloaded unless asked\. Run `hf download some/clip`, or give local_f"
    with pytest.raises(FileNotFoundError, match=message):
        DeepFeatures(NAME).fit(paths)
    assert local_hub == []


def test_a_model_stays_after_its_download(local_hub, paths):
    features = DeepFeatures(NAME, device="cpu", local_files_only=False)
    rows = features.transform(paths)
    assert rows.shape == (3, 12)
    wanted = ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert [name for name in sorted(local_hub) if name != "processor_config.json"] == wanted
    local_hub.clear()
    for local_files_only in (True, False):
        features.set_params(local_files_only=local_files_only)
        np.testing.assert_array_equal(features.transform(paths), rows)
    assert local_hub == []


def test_half_of_the_files_are_not_enough(local_hub, paths):
    hub.snapshot_download(NAME, allow_patterns=["config.json", "model.safetensors"])
    features = DeepFeatures(NAME, device="cpu")
    with pytest.raises(FileNotFoundError, match="neither a directory nor in the local cache"):
        features.fit(paths)
    local_hub.clear()
    assert features.set_params(local_files_only=False).transform(paths).shape == (3, 12)
    assert "model.safetensors" not in local_hub


def test_download_that_fails(local_hub, paths, monkeypatch):
    def fail(name):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(hub, "HfApi", lambda: SimpleNamespace(model_info=fail))
    with pytest.raises(FileNotFoundError, match="could not be downloaded: no route to host"):
        DeepFeatures(NAME, local_files_only=False).fit(paths)


@pytest.mark.parametrize("name", ["not a name", "a/b/c", "../up", "C:\\models"])
def test_names_that_cannot_be(name, paths):
    with pytest.raises(FileNotFoundError, match=r"no directory|neither a directory nor"):
        DeepFeatures(name).fit(paths)
