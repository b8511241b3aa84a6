"""The cache of embeddings: the same bits, shared, and never half written."""

import os
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.reference.tiny_networks import save_images
from vilma.features import DeepFeatures
from vilma.features.deep.cache import EmbeddingCache


class Counting:
    """A network that counts what it sees."""

    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        self.seen += len(images)
        return [[*image.mean(axis=(0, 1)), np.pi, *image.shape] for image in images]


@pytest.fixture
def paths(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    return save_images(folder)


@pytest.fixture
def cached(tmp_path):
    return DeepFeatures(Counting(), identity="a", cache_dir=tmp_path / "cache", batch_size=2)


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_hit_has_the_same_bits(cached, paths, tmp_path):
    rows = DeepFeatures(Counting()).transform(paths)
    np.testing.assert_array_equal(cached.transform(paths), rows)
    assert cached.model.seen == 7
    np.testing.assert_array_equal(cached.transform(paths[::-1]), rows[::-1])
    cached.set_params(n_jobs=2, batch_size=5, normalize=False)
    np.testing.assert_array_equal(cached.transform(paths), rows)
    assert cached.model.seen == 7
    assert len(files_below(tmp_path / "cache")) == 7


def test_found_by_content_not_by_name(cached, paths, tmp_path):
    before = cached.transform(paths)
    moved = shutil.copy(paths[3], tmp_path / "other.jpg")
    np.testing.assert_array_equal(cached.transform([moved]), before[3:4])
    assert cached.model.seen == 7
    shutil.copy(paths[0], paths[3])
    np.testing.assert_array_equal(cached.transform(paths)[3], before[0])
    assert cached.model.seen == 7


def test_equal_images_are_computed_once(cached, paths):
    rows = cached.transform([paths[0], paths[1], paths[0], paths[0]])
    assert cached.model.seen == 2
    np.testing.assert_array_equal(rows[0], rows[3])
    assert (rows[0] != rows[1]).any()


def test_arrays(cached):
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    rows = cached.transform([image, image.reshape(6, 4), np.asfortranarray(image)])
    assert cached.model.seen == 2
    assert rows[:, 4:6].tolist() == [[4, 6], [6, 4], [4, 6]]


def test_normalised_from_the_same_entries(cached, paths):
    rows = cached.transform(paths)
    unit = cached.set_params(normalize=True).transform(paths)
    assert cached.model.seen == 7
    np.testing.assert_allclose(unit, rows / np.linalg.norm(rows, axis=1, keepdims=True), rtol=1e-6)


def test_other_model_other_entries(cached, paths):
    cached.transform(paths)
    cached.set_params(identity="b").transform(paths)
    assert cached.model.seen == 14
    cached.set_params(identity="a").transform(paths)
    assert cached.model.seen == 14


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-4],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content + b"0000",
        lambda content: bytes(len(content)),
    ],
)
def test_damaged_entry_is_computed_again(cached, paths, tmp_path, damage):
    rows = cached.transform(paths)
    entry = files_below(tmp_path / "cache")[2]
    content = entry.read_bytes()
    entry.write_bytes(damage(content))
    np.testing.assert_array_equal(cached.transform(paths), rows)
    assert cached.model.seen == 8
    assert entry.read_bytes() == content


def test_flipped_bits_and_pickles_count_as_missing(tmp_path):
    cache = EmbeddingCache(tmp_path, "model")
    row = np.linspace(0.0, 1.0, 9, dtype=np.float32)
    cache.save("file-00", row)
    (entry,) = files_below(tmp_path)
    content = entry.read_bytes()
    for bit in np.random.default_rng(0).choice(8 * len(content), 60, replace=False).tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        entry.write_bytes(damaged)
        assert cache.load("file-00") is None
    mark = tmp_path / "mark"

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(mark),)

    entry.write_bytes(pickle.dumps(Bomb()))
    assert cache.load("file-00") is None
    assert not mark.exists()
    entry.write_bytes(content)
    np.testing.assert_array_equal(cache.load("file-00"), row)


def test_entry_under_another_name_is_not_taken(cached, paths, tmp_path):
    rows = cached.transform(paths)
    entries = files_below(tmp_path / "cache")
    shutil.copy(entries[0], entries[1])
    np.testing.assert_array_equal(cached.transform(paths), rows)


def test_what_was_computed_before_a_failure_is_kept(cached, paths, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"X\[5\]: .*file is empty"):
        cached.transform([*paths[:5], tmp_path / "bad.png"])
    assert cached.model.seen == 4
    cached.transform(paths)
    assert cached.model.seen == 7


def test_kill_while_writing_leaves_no_entry(tmp_path, monkeypatch):
    def killed(*names):
        raise KeyboardInterrupt

    cache = EmbeddingCache(tmp_path, "model")
    with monkeypatch.context() as context:
        context.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            cache.save("file-00", np.ones(3, np.float32))
    assert cache.load("file-00") is None
    assert files_below(tmp_path) == []


def test_writers_at_the_same_time(tmp_path):
    row = np.arange(4096, dtype=np.float32)

    def write_and_read(_):
        cache = EmbeddingCache(tmp_path, "model")
        cache.save("file-00", row)
        return cache.load("file-00")

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(write_and_read, range(100)):
            np.testing.assert_array_equal(found, row)
    assert len(files_below(tmp_path)) == 1


def test_unwritable_place(cached, paths, tmp_path):
    (tmp_path / "file").write_text("")
    cached.set_params(cache_dir=tmp_path / "file" / "cache")
    with pytest.raises(OSError, match=r"cache_dir '.*cache' cannot be read .*or cache_dir=None"):
        cached.transform(paths)
    assert cached.model.seen == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_folder_without_permission(cached, paths, tmp_path):
    rows = cached.transform(paths[:3])
    for folder in [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]:
        folder.chmod(0o555 if folder.is_dir() else 0o444)
    np.testing.assert_array_equal(cached.transform(paths[:3]), rows)  # reading is enough
    with pytest.raises(PermissionError, match=r"cache_dir '.*' cannot be written"):
        cached.transform(paths)
    for folder in [tmp_path / "cache", *(tmp_path / "cache").rglob("*")]:
        folder.chmod(0o755)


def test_full_disk(cached, paths, monkeypatch):
    def full(*names):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"cache_dir '.*cache' cannot be written .*No space left"):
        cached.transform(paths)
