"""The command `vilma embed`, with a network of three numbers, and with real ones."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.reference.tiny_networks import save_clip, save_resnet
from vilma._sealed import seal
from vilma.cli import main
from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import read_features, write_features
from vilma.features import DeepFeatures, read_rgb
from vilma.features.deep import choose
from vilma.features.deep.embedder import Embedder


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class MeanColour(Embedder):
    """Three numbers for an image; wants images of more than one pixel."""

    width = 3

    def __init__(self, identity="clip:mean"):
        self.identity_ = identity

    @property
    def identity(self):
        return self.identity_

    def prepare(self, image):
        if image.shape[:2] == (1, 1):
            raise ValueError("one pixel is too little")
        return image.reshape(-1, 3)

    def embed(self, prepared):
        return np.array([item.mean(axis=0) for item in prepared], dtype=np.float32)


@pytest.fixture
def network(monkeypatch):
    """Let the command take another network; its choice is kept here."""
    asked = {}

    def choose_embedder(model, preprocessing, **options):
        asked.update(options, model=model, preprocessing=preprocessing)
        return asked.get("embedder", MeanColour())

    monkeypatch.setattr(choose, "choose_embedder", choose_embedder)
    return asked


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(30):
        pixels = rng.integers(0, 40, (20, 30, 3), dtype=np.uint8)
        pixels[..., number // 10] += 150  # ten images of each colour
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    (folder / "30.png").write_bytes(b"")
    Image.new("RGB", (1, 1)).save(folder / "31.png")
    return folder


@pytest.fixture
def labels(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,label\n" + "".join(f"{n:02d}.png,{n // 10 + 1}\n" for n in range(30)))
    return path


@pytest.fixture
def place(tmp_path):
    return tmp_path / "features"


@pytest.mark.usefixtures("network")
def test_a_folder(images, place):
    result = run("embed", images, "--features", "clip", "-o", place, "--batch-size", 7)
    assert result.exit_code == 0, result.output
    assert "30 image(s), 3 feature(s); 2 file(s) skipped" in result.stdout
    assert "skipped 31.png: one pixel is too little" in result.stderr
    assert "per core (1 worker), extraction" in result.stderr
    store = read_features(place)
    assert store.settings == {
        "features": "embeddings",
        "network": "clip:mean",
        "dtype": "float32",
        "box": None,
    }
    expected = [read_rgb(images / name).reshape(-1, 3).mean(axis=0) for name in store.names]
    np.testing.assert_array_equal(store.X.read(), np.array(expected, dtype=np.float32))
    assert np.load(place / "dense.npy").dtype == np.float32
    with (place / "manifest.csv").open(newline="") as file:
        lines = list(csv.reader(file))[1:]
    assert [line[1] for line in lines] == ["ok"] * 30 + ["failed"] * 2


class RedIsTooMuch(MeanColour):
    def embed(self, prepared):
        rows = super().embed(prepared)
        if (rows[:, 0] > 200).any():
            raise ValueError("numbers that are infinite")
        return rows


def test_an_image_without_an_embedding_is_named(network, images, place):
    network["embedder"] = RedIsTooMuch()
    Image.new("RGB", (4, 4), "red").save(images / "05a.png")
    command = ["embed", images, "--features", "clip", "--batch-size", 8]
    result = run(*command, "-o", place)
    assert result.exit_code == 0, result.output
    assert "skipped 05a.png: numbers that are infinite" in result.stderr
    store = read_features(place)
    assert store.names == [f"{number:02d}.png" for number in range(30)]
    expected = [read_rgb(images / name).reshape(-1, 3).mean(axis=0) for name in store.names]
    np.testing.assert_array_equal(store.X.read(), np.array(expected, dtype=np.float32))
    result = run(*command, "-o", place, "--start-over", "--strict")
    assert "could not be used (05a.png)" in result.stderr


@pytest.mark.usefixtures("network")
def test_a_file(images, place, tmp_path):
    output, manifest = tmp_path / "features.npz", tmp_path / "manifest.csv"
    command = ["embed", images, "--features", "clip", "--box", 2, 3, 20, 17]
    assert run(*command, "-o", output, "--manifest", manifest).exit_code == 0
    assert run(*command, "-o", place).exit_code == 0
    store = read_features(output)
    assert store.settings["box"] == [2, 3, 20, 17]
    assert store.X.dtype == np.float32
    np.testing.assert_array_equal(store.X, read_features(place).X.read())
    part = read_rgb(images / "05.png")[3:17, 2:20]
    np.testing.assert_array_equal(store.X[5], part.reshape(-1, 3).mean(axis=0, dtype=np.float32))
    assert manifest.read_bytes() == (place / "manifest.csv").read_bytes()


@pytest.mark.usefixtures("network")
def test_from_images_to_figures(images, place, labels, tmp_path):
    file, model = tmp_path / "features.npz", tmp_path / "model.vilma"
    assert run("embed", images, "--features", "clip", "-o", place).exit_code == 0
    assert run("embed", images, "--features", "clip", "-o", file).exit_code == 0
    tables = []
    for features in (place, file):
        result = run("fit", features, labels, "-o", model, "--alpha", 1e-4)
        assert result.exit_code == 0, result.output
        assert "30 image(s), 3 feature(s), 3 levels" in result.stdout
        tables += [run("predict", model, each).stdout for each in (place, file)]
        report = json.loads(run("evaluate", model, features, labels, "--json").stdout)
        assert report["n_rows"] == 30
        assert report["mae"] < 0.3
    labels_of = [[line.split(",")[:2] for line in table.splitlines()] for table in tables]
    assert len(labels_of[0]) == 31
    assert all(each == labels_of[0] for each in labels_of)


@pytest.mark.usefixtures("network")
def test_features_of_another_kind(images, place, labels, tmp_path, network):
    model, lbp = tmp_path / "model.vilma", tmp_path / "lbp"
    run("embed", images, "--features", "clip", "-o", place)
    run("lbp", images, "-o", lbp)
    run("fit", place, labels, "-o", model)
    result = run("predict", model, lbp)
    assert result.exit_code == 1
    assert (
        "it holds multi-scale LBP, the model was trained on embeddings. Run `vilma embed` on the "
        "images instead"
    ) in result.stderr
    run("fit", lbp, labels, "-o", model)
    result = run("evaluate", model, place, labels)
    assert "it holds embeddings, the model was trained on multi-scale LBP" in result.stderr
    run("fit", place, labels, "-o", model)
    network["embedder"] = MeanColour("clip:other")
    run("embed", images, "--features", "clip", "-o", place, "--start-over")
    result = run("predict", model, place)
    assert (
        "network is 'clip:other', the model expects 'clip:mean'. Run `vilma embed` with the"
    ) in result.stderr


def test_going_on_with_another_network(images, place, network):
    run("embed", images, "--features", "clip", "-o", place)
    network["embedder"] = MeanColour("clip:other")
    result = run("embed", images, "--features", "clip", "-o", place)
    assert result.exit_code == 1
    assert (
        "is of another job: network is 'clip:other', it was made with 'clip:mean'"
    ) in result.stderr
    result = run("embed", images, "--features", "clip", "-o", place, "--dtype", "bfloat16")
    assert "dtype is 'bfloat16', it was made with 'float32'" in result.stderr


def test_interrupted(images, place, tmp_path, network):
    class Interrupted(MeanColour):
        def embed(self, prepared):
            self.left -= 1
            if not self.left:
                raise KeyboardInterrupt
            return super().embed(prepared)

    network["embedder"] = Interrupted()
    network["embedder"].left = 4  # the first is the trial of a blank image
    command = ["embed", images, "--features", "clip", "-o"]
    assert run(*command, place, "--batch-size", 5).exit_code == 1
    assert not place.exists()
    network["embedder"] = MeanColour()
    result = run(*command, place)
    assert result.exit_code == 0, result.output
    assert "going on after 10 of 32" in result.stderr
    assert run(*command, tmp_path / "undisturbed").exit_code == 0
    assert content(place) == content(tmp_path / "undisturbed")


def test_options_reach_the_network(images, place, network):
    result = run(
        *("embed", images, "--features", "clip", "-o", place, "--model", "some/name"),
        *("--device", "cpu", "--dtype", "float16", "--download"),
    )
    assert result.exit_code == 0, result.output
    assert network == {
        "model": "some/name",
        "preprocessing": None,
        "identity": None,
        "device": "cpu",
        "dtype": "float16",
        "local_files_only": False,
    }
    run("embed", images, "--features", "clip", "-o", place, "--start-over")
    assert network["model"] == "openai/clip-vit-base-patch16"
    assert network["local_files_only"] is True


def test_a_network_that_fails(images, place, network):
    class Full(MeanColour):
        def embed(self, prepared):
            if len(prepared) > 1:
                raise RuntimeError("out of memory.")
            return super().embed(prepared)

    network["embedder"] = Full()
    result = run("embed", images, "--features", "clip", "-o", place)
    assert result.exit_code == 1
    assert "failed on a batch of 30 image(s): out of memory. A smaller --batch-size" in (
        result.stderr
    )
    assert (
        run("embed", images, "--features", "clip", "-o", place, "--batch-size", 1).exit_code == 0
    )


def test_a_network_and_preprocessing_that_do_not_fit(images, place, network):
    class Wrong(MeanColour):
        def prepare(self, image):
            raise ValueError("the preprocessing makes images of 9 x 9, the model takes 32 x 32")

    network["embedder"] = Wrong("clip:wrong")
    result = run("embed", images, "--features", "clip", "-o", place)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: the preprocessing makes images of 9 x 9, the model takes 32 x 32\n"
    )
    network["embedder"] = MeanColour()  # nothing was done yet, so nothing is in the way
    assert run("embed", images, "--features", "clip", "-o", place).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--features", "resnet"], "is of the kind clip: give --features clip"),
        (["--features", "dlib", "--model", "x"], "leave out --model and --download"),
        (["--features", "clip", "--face", "whole"], "--face belongs to --features dlib"),
        (["--features", "clip", "--size", 9, 9], "--size belongs to alignment"),
        (["--features", "vgg"], "'vgg' is not one of 'clip', 'resnet', 'dlib'"),
        ([], "Missing option '--features'"),
    ],
)
@pytest.mark.usefixtures("network")
def test_usage_errors(images, place, arguments, message):
    result = run("embed", images, "-o", place, *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not place.exists()


def test_a_model_that_is_not_there(images, place, monkeypatch, tmp_path):
    pytest.importorskip("huggingface_hub")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    result = run("embed", images, "--features", "clip", "--model", "no/such-model", "-o", place)
    assert result.exit_code == 1
    assert "'no/such-model' is neither a directory nor in the local cache" in result.stderr
    assert "`--download` on the command line" in result.stderr
    result = run("embed", images, "--features", "clip", "--model", "./nowhere", "-o", place)
    assert "no directory './nowhere'" in result.stderr
    assert not place.exists()


def test_a_missing_package(images, place, monkeypatch):
    monkeypatch.setitem(sys.modules, "dlib", None)
    result = run("embed", images, "--features", "dlib", "-o", place)
    assert result.exit_code == 1
    assert '[faces]"' in result.stderr
    assert list(place.parent.glob("features*")) == []


# Real networks, tiny and random


@pytest.fixture
def one_thread():
    """Threads of torch wait for each other longer than so little work takes."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("kind", "save"), [("clip", save_clip), ("resnet", save_resnet)])
def test_a_real_network(images, place, tmp_path, kind, save):
    save(tmp_path / kind)
    command = ["embed", images, "--features", kind, "--model", tmp_path / kind, "--device", "cpu"]
    result = run(*command, "-o", place, "--batch-size", 7)
    assert result.exit_code == 0, result.output
    store = read_features(place)
    features = DeepFeatures(tmp_path / kind, device="cpu")
    np.testing.assert_array_equal(
        store.X.read(), features.transform([images / name for name in store.names])
    )
    assert store.settings["network"] == features.model_id_
    assert run(*command, "-o", tmp_path / "other", "--batch-size", 3).exit_code == 0
    assert content(tmp_path / "other") == content(place)


def test_face_embeddings(images, place):
    pytest.importorskip("dlib")
    paths = [images / "00.png", images / "31.png"]
    command = ["embed", *paths, "--features", "dlib", "-o", place]
    result = run(*command)
    assert result.exit_code == 1
    assert "none of the 2 file(s) could be used" in result.stderr
    result = run(*command, "--face", "whole")
    assert result.exit_code == 0, result.output
    features = DeepFeatures("dlib", preprocessing="whole")
    np.testing.assert_array_equal(read_features(place).X.read(), features.transform(paths))


# Feature files of dense numbers


def test_dense_features_survive_the_file(tmp_path):
    path = tmp_path / "features.npz"
    X = np.array([[1.5, -2.0], [0.0, 3e-5]], dtype=np.float32)
    write_features(path, FeatureStore(["a", "b"], X, {"features": "embeddings"}))
    back = read_features(path)
    assert back.X.dtype == np.float32
    np.testing.assert_array_equal(back.X, X)


@pytest.mark.parametrize("X", [np.zeros(2), np.zeros((2, 1), dtype=int), np.zeros((3, 1))])
def test_a_wrong_dense_file(tmp_path, X):
    path = tmp_path / "features.npz"
    with path.open("w+b") as stream:
        np.savez(
            stream,
            format=np.array("vilma-features-1"),
            names=np.array(["a", "b"]),
            settings=np.array("{}"),
            dense=X,
        )
        seal(stream)
    with pytest.raises(Exception, match="is not a readable feature file"):
        read_features(path)


def test_help_loads_no_heavy_library():
    code = (
        "import sys; from vilma.cli import main; main(['embed', '--help'], standalone_mode=False);"
        "sys.exit(' '.join({'numpy', 'torch', 'transformers', 'dlib'} & sys.modules.keys()) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
