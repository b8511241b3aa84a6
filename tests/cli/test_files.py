"""Files written whole or not at all, and the feature file."""

import os
import signal
import threading
from contextlib import suppress

import click
import numpy as np
import pytest
from click.testing import CliRunner
from scipy import sparse

from vilma import OneHotCodes, save_mapped
from vilma._sealed import seal
from vilma.cli import main
from vilma.cli._feature_folder import (
    MANIFEST_HEADER,
    manifest_lines,
    read_folder_settings,
    read_manifest,
    write_folder_settings,
)
from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import (
    read_features,
    require_same_settings,
    write_features,
)
from vilma.cli._files import OutputFeatures, OutputFile, atomic_write


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


def test_sigterm_removes_the_temporary_file(tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    def write_and_terminate():
        with atomic_write(tmp_path / "out.bin"):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as raised:
        write_and_terminate()
    assert raised.value.code == 128 + signal.SIGTERM
    assert os.listdir(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_atomic_write_in_another_thread(tmp_path):
    def write():
        with atomic_write(tmp_path / "out.bin") as stream:
            stream.write(b"x")

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert (tmp_path / "out.bin").read_bytes() == b"x"


def test_output_features_is_a_file_or_a_folder(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for name in ("new.npz", "new", "new/", "folder"):
        place = OutputFeatures().convert(f"{tmp_path}/{name}", None, None)
        assert place == tmp_path / name
    with pytest.raises(
        click.BadParameter, match=r"is not a folder; name a file of features \*\.npz"
    ):
        OutputFeatures().convert(str(tmp_path / "file"), None, None)
    with pytest.raises(click.BadParameter, match="does not exist; create it first"):
        OutputFeatures().convert(str(tmp_path / "missing" / "new"), None, None)


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
    with path.open("w+b") as stream:
        np.savez(stream, **{key: value for key, value in content.items() if value is not None})
        seal(stream)


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


def test_flipped_bits_of_a_feature_file_are_noticed(tmp_path, store):
    path = tmp_path / "features.npz"
    write_features(path, store)
    content = path.read_bytes()
    for bit in np.random.default_rng(0).choice(8 * len(content), 60, replace=False).tolist():
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
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


def test_every_damage_to_a_file_is_said(tmp_path, store):
    path = tmp_path / "features.npz"
    write_features(path, store)
    whole = path.read_bytes()
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with suppress(click.ClickException):  # no other error, but not all bytes matter
            read_features(path)


def test_different_settings_are_named(tmp_path):
    expected = {"size": [60, 40], "box": None}
    files = {"model": tmp_path / "m.vilma", "features": tmp_path / "f.npz"}
    require_same_settings(expected, dict(expected), **files)
    with pytest.raises(
        click.ClickException, match=r"box is \[0, 0, 9, 9\], the model expects None\. Run"
    ):
        require_same_settings(expected, {"size": [60, 40], "box": [0, 0, 9, 9]}, **files)


# Folders

NAMES = [f"{number}.jpg" for number in range(40)]


@pytest.fixture
def folder(tmp_path):
    """Forty images whose first code says how old they are."""
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 8, (40, 6))
    codes[:, 0] = np.arange(40) // 10
    save_mapped(OneHotCodes(codes, 8), tmp_path / "features")
    outcomes = [(name, None) for name in NAMES]
    outcomes.insert(7, ("bad.jpg", "the file is empty"))
    lines = MANIFEST_HEADER + manifest_lines(outcomes)
    (tmp_path / "features" / "manifest.csv").write_bytes(lines)
    write_folder_settings(tmp_path / "features", {"box": None})
    return tmp_path / "features"


def test_a_feature_folder_is_read(folder):
    store = read_features(folder, max_memory=1000)
    assert store.names == NAMES
    assert store.settings == {"box": None}
    assert store.X.shape == (40, 48)
    assert store.X.max_memory == 1000


def test_manifest_keeps_any_name(tmp_path):
    outcomes = [("a,b.jpg", None), ('"\n.jpg', "why, indeed"), ("\udcff.jpg", None)]
    outcomes += [("\r.jpg", None), ("c.jpg", "one\rtwo")]
    path = tmp_path / "manifest.csv"
    path.write_bytes(MANIFEST_HEADER + manifest_lines(outcomes))
    assert read_manifest(path) == [
        ("a,b.jpg", "ok", ""),
        ('"\n.jpg', "failed", "why, indeed"),
        ("\udcff.jpg", "ok", ""),
        ("\r.jpg", "ok", ""),
        ("c.jpg", "failed", "one\rtwo"),
    ]


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("features.json", "{", "JSONDecodeError"),
        ("features.json", '{"format": "other"}', "format other, expected vilma-features-1"),
        ("features.json", None, "FileNotFoundError"),
        ("manifest.csv", "", "expected the columns file,status,reason"),
        ("manifest.csv", "file,status,reason\na.jpg,ok\n", "expected the columns"),
        (
            "manifest.csv",
            "file,status,reason\na.jpg,ok,\n",
            "1 usable images in manifest.csv for 40",
        ),
        ("meta.json", None, "it has no meta.json"),
        ("codes.npy", "", "is not a readable .npy file"),
    ],
)
def test_a_wrong_folder_is_refused(folder, name, damage, message):
    (folder / "checksums.json").unlink()
    if damage is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(damage)
    with pytest.raises(click.ClickException) as raised:
        read_features(folder)
    assert "is not a readable feature folder" in raised.value.message
    assert message in raised.value.message
    assert "written by `vilma lbp` or `vilma embed`; run it again" in raised.value.message


def test_a_folder_of_images_is_no_folder_of_features(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(click.ClickException) as raised:
        read_features(tmp_path)
    assert f"{tmp_path} holds no features" in raised.value.message
    assert f"`vilma lbp {tmp_path} -o features.npz`" in raised.value.message


def test_settings_survive(tmp_path):
    write_folder_settings(tmp_path, {"size": [60, 40]})
    assert read_folder_settings(tmp_path) == {"size": [60, 40]}


def test_commands_take_a_folder_or_a_file(folder, tmp_path):
    X = sparse.csr_array(read_features(folder).X.read().tocsr(), dtype=np.float32)
    write_features(tmp_path / "features.npz", FeatureStore(NAMES, X, {"box": None}))
    labels = tmp_path / "labels.csv"
    rows = [f"{name},{i // 10 + 1}" for i, name in enumerate(NAMES) if i % 5]
    labels.write_text("\n".join(["file,label", *rows]))

    def run(*arguments):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    outputs = []
    for features in (tmp_path / "features.npz", folder):
        model = tmp_path / f"{features.name}.vilma"
        run("fit", features, labels, "-o", model, "--alpha", 0.01, "--alpha", 1)
        outputs.append(
            [
                run("predict", model, tmp_path / "features.npz"),
                run("evaluate", model, folder, labels, "--json", "--max-memory", 1),
            ]
        )
        table = run("predict", model, folder)
        assert [line.split(",")[0] for line in table.splitlines()[1:]] == NAMES
    labels_of = [[line.split(",")[1] for line in table.splitlines()] for table, _ in outputs]
    assert labels_of[0] == labels_of[1]
    assert outputs[0][1] == outputs[1][1]


def test_content_is_checked_by_the_commands(folder, tmp_path):
    codes = np.load(folder / "codes.npy")
    codes[3, 1] = 99
    np.save(folder / "codes.npy", codes)
    (folder / "checksums.json").unlink()
    labels = tmp_path / "labels.csv"
    labels.write_text("file,label\n" + "".join(f"{name},{len(name)}\n" for name in NAMES))
    result = CliRunner().invoke(
        main, ["fit", str(folder), str(labels), "-o", str(tmp_path / "m.vilma")]
    )
    assert result.exit_code == 1
    assert "has the code 99 in block 1" in result.stderr
    assert not (tmp_path / "m.vilma").exists()
