"""Files written whole or not at all, and the feature file."""

import os

import click
import numpy as np
import pytest
from scipy import sparse

from vilma.cli._features import (
    FeatureStore,
    read_features,
    require_same_settings,
    write_features,
)
from vilma.cli._files import OutputFile, atomic_write


def test_atomic_write_replaces_when_complete(tmp_path):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with atomic_write(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError, SystemExit])
def test_atomic_write_stopped_in_the_middle_keeps_the_old_file(tmp_path, stop):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")

    def write_and_stop():
        with atomic_write(path) as stream:
            stream.write(b"half of the n")
            raise stop

    with pytest.raises(stop):
        write_and_stop()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.bin"]


def test_atomic_write_says_why_the_system_refused(tmp_path):
    path = tmp_path / "out.bin"

    def write_on_a_full_disk():
        with atomic_write(path):
            raise OSError(28, "No space left on device")

    with pytest.raises(click.ClickException, match=r"out\.bin could not be written.*No space"):
        write_on_a_full_disk()
    assert os.listdir(tmp_path) == []


def test_atomic_write_obeys_the_umask(tmp_path):
    previous = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "out.bin") as stream:
            stream.write(b"x")
    finally:
        os.umask(previous)
    assert (tmp_path / "out.bin").stat().st_mode & 0o777 == 0o640


def test_output_file_follows_links(tmp_path):
    target = tmp_path / "target.bin"
    target.write_bytes(b"old")
    link = tmp_path / "link.bin"
    link.symlink_to(target)
    path = OutputFile().convert(str(link), None, None)
    with atomic_write(path) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/out.npz", r"the folder .*missing does not exist; create it first"),
        (".", "exists and is not a regular file"),
        ("/dev/null", "exists and is not a regular file"),
    ],
)
def test_output_file_refuses(tmp_path, name, message):
    with pytest.raises(click.BadParameter, match=message):
        OutputFile().convert(str(tmp_path / name), None, None)


@pytest.fixture
def store():
    X = sparse.csr_array(np.array([[0, 1, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0]], dtype=np.float32))
    return FeatureStore(["a.jpg", "b/ü.jpg", "c.png"], X, {"size": [60, 40], "box": None})


def test_features_survive_the_file(tmp_path, store):
    path = tmp_path / "features.npz"
    write_features(path, store)
    with np.load(path) as archive:
        assert "data" not in archive  # places say it all
    back = read_features(path)
    assert back.names == store.names
    assert back.settings == store.settings
    assert back.X.dtype == store.X.dtype
    np.testing.assert_array_equal(back.X.toarray(), store.X.toarray())


def _save(path, **changes):
    content = {
        "format": np.array("vilma-features-1"),
        "names": np.array(["a", "b"]),
        "settings": np.array("{}"),
        "indices": np.array([0, 1]),
        "indptr": np.array([0, 1, 2]),
        "shape": np.array([2, 3]),
        **changes,
    }
    np.savez(path, **{key: value for key, value in content.items() if value is not None})


@pytest.mark.parametrize(
    "changes",
    [
        {"format": np.array("something else")},
        {"format": None},
        {"names": np.array(["a"])},
        {"names": np.array([None, None])},
        {"settings": np.array("{")},
        {"indices": np.array([0, 3])},
        {"indices": np.array([0, -1])},
        {"indptr": np.array([0, 2, 1])},
        {"shape": np.array([2])},
        {"settings": np.array("3")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_wrong_archive_is_refused(tmp_path, changes):
    path = tmp_path / "features.npz"
    _save(path)
    assert read_features(path).names == ["a", "b"]
    _save(path, **changes)
    with pytest.raises(click.ClickException, match="is not a readable feature file"):
        read_features(path)


def test_another_kind_of_file_is_refused(tmp_path, store):
    path = tmp_path / "features.npz"
    write_features(path, store)
    whole = path.read_bytes()
    for content in (b"", b"file,label\n", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(click.ClickException, match="Expected a file written by `vilma lbp`"):
            read_features(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(click.ClickException, match="is not a readable feature file"):
        read_features(tmp_path / "array.npy")


def test_different_settings_are_named(tmp_path):
    expected = {"size": [60, 40], "box": None}
    files = {"model": tmp_path / "m.joblib", "features": tmp_path / "f.npz"}
    require_same_settings(expected, dict(expected), **files)
    with pytest.raises(
        click.ClickException, match=r"box is \[0, 0, 9, 9\], the model expects None\. Run"
    ):
        require_same_settings(expected, {"size": [60, 40], "box": [0, 0, 9, 9]}, **files)
