"""The command `vilma lbp`."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from vilma.cli import main
from vilma.cli._features import read_features
from vilma.features import MultiScaleLBP, canonical_crop, read_image


def run(*arguments):
    return CliRunner().invoke(main, ["lbp", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "faces"
    (folder / "sub").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg", "sub/a.png"):
        pixels = rng.integers(0, 256, (70, 50, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


@pytest.fixture
def output(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "features.npz"


def expected_features(folder, names, box=None, full_resolution=False):
    crops = [canonical_crop(read_image(folder / name), box=box) for name in names]
    return MultiScaleLBP(drop_full_resolution=not full_resolution).fit_transform(np.stack(crops))


def assert_same(found, expected):
    assert found.shape == expected.shape
    assert (found != expected).nnz == 0


@pytest.mark.parametrize("batch_size", [1, 2, 512])
def test_a_folder(folder, output, batch_size):
    result = run(folder, "-o", output, "--batch-size", batch_size)
    assert result.exit_code == 0, result.output
    assert "3 image(s), 159,488 features" in result.stdout
    store = read_features(output)
    assert store.names == ["a.png", "b.jpg", "sub/a.png"]
    assert_same(store.X, expected_features(folder, store.names))
    assert store.settings == {
        "features": "multi-scale LBP",
        "size": [60, 40],
        "drop_full_resolution": True,
        "box": None,
    }


def test_box_and_full_resolution(folder, output):
    result = run(folder, "-o", output, "--box", 5, 5, 45, 65, "--full-resolution", "--n-jobs", 2)
    assert result.exit_code == 0, result.output
    store = read_features(output)
    assert store.X.shape == (3, 723_712)
    same = expected_features(folder, store.names, box=(5, 5, 45, 65), full_resolution=True)
    assert_same(store.X, same)
    assert store.settings["box"] == [5, 5, 45, 65]


def test_another_size(folder, output):
    assert run(folder, "-o", output, "--size", 32, 20).exit_code == 0
    assert read_features(output).settings["size"] == [32, 20]


def test_files_go_by_their_names(folder, output):
    assert run(folder / "sub" / "a.png", folder / "b.jpg", "-o", output).exit_code == 0
    assert read_features(output).names == ["a.png", "b.jpg"]


def test_the_same_file_twice_counts_once(folder, output):
    assert run(folder / "a.png", folder, "-o", output).exit_code == 0
    assert read_features(output).names == ["a.png", "b.jpg", "sub/a.png"]


def test_equal_names_of_different_images(folder, output):
    result = run(folder, folder / "sub", "-o", output)
    assert result.exit_code == 1
    assert "would both be named 'a.png'. Give the folder above both" in result.stderr
    assert not output.exists()


@pytest.fixture
def bad(folder):
    (folder / "broken.jpg").write_bytes((folder / "b.jpg").read_bytes()[:200])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.gif").write_text("no image")
    return folder


def test_bad_files_are_named_and_left_out(bad, output):
    result = run(bad, "-o", output)
    assert result.exit_code == 0
    assert "skipped broken.jpg: Cannot read" in result.stderr
    assert "skipped empty.png: " in result.stderr
    assert "the file is empty" in result.stderr
    assert "3 image(s), 159,488 features; 3 file(s) skipped" in result.stdout
    assert read_features(output).names == ["a.png", "b.jpg", "sub/a.png"]


def test_strict_writes_nothing(bad, output):
    output.write_bytes(b"old")
    result = run(bad, "-o", output, "--strict")
    assert result.exit_code == 1
    assert "3 of 6 files could not be used (broken.jpg, empty.png, text.gif)" in result.stderr
    assert output.read_bytes() == b"old"
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_a_box_outside_one_image(folder, output):
    Image.new("L", (20, 20)).save(folder / "small.png")
    result = run(folder, "-o", output, "--box", 0, 0, 40, 60)
    assert result.exit_code == 0
    assert "skipped small.png: box (left, top, right, bottom)" in result.stderr
    assert len(read_features(output).names) == 3


def test_no_good_file(bad, output):
    result = run(bad / "empty.png", bad / "text.gif", "-o", output)
    assert result.exit_code == 1
    assert "none of the 2 file(s) could be used; the reasons are above" in result.stderr
    assert not output.exists()


def test_no_image_at_all(tmp_path, output):
    (tmp_path / "nothing").mkdir()
    result = run(tmp_path / "nothing", "-o", output)
    assert result.exit_code == 1
    assert "no images in" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", 5, 5, 5, 9], "5 5 5 9 is empty or outside every image"),
        (["--box", -1, 0, 5, 9], "expected 0 <= LEFT < RIGHT"),
        (["--size", 2, 2], "2 is not in the range x>=3"),
        (["--n-jobs", 0], "0 threads do nothing"),
        (["--batch-size", 0], "0 is not in the range x>=1"),
    ],
)
def test_usage_errors(folder, output, arguments, message):
    result = run(folder, "-o", output, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_size_without_a_pyramid(folder, output):
    result = run(folder, "-o", output, "--size", 3, 3)
    assert result.exit_code == 1
    assert "drop_full_resolution=True leaves nothing" in result.stderr


def test_the_place_is_checked_before_the_work(folder, tmp_path):
    result = run(folder, "-o", tmp_path / "missing" / "features.npz")
    assert result.exit_code == 2
    assert "does not exist; create it first" in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("stop", "exit_code"), [(KeyboardInterrupt(), 1), (OSError(28, "No space left"), 1)]
)
def test_stopped_while_writing(folder, output, monkeypatch, stop, exit_code):
    output.write_bytes(b"old")

    def write_half(stream, **arrays):
        stream.write(b"half")
        raise stop

    monkeypatch.setattr(np, "savez_compressed", write_half)
    result = run(folder, "-o", output)
    assert result.exit_code == exit_code
    assert isinstance(result.exception, SystemExit)
    assert output.read_bytes() == b"old"
    assert [path.name for path in output.parent.iterdir()] == [output.name]
