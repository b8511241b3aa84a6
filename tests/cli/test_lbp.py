"""The command `vilma lbp`."""

import csv
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from vilma.cli import main
from vilma.cli._features import read_features
from vilma.cli.extraction import folder as unfinished
from vilma.cli.extraction.folder import PartialFolder, partial_place
from vilma.features import MultiScaleLBP, canonical_crop, read_image
from vilma.mapped.growing import GrowingMatrix


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
    assert "3 image(s), 159,488 feature(s)" in result.stdout
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


def test_different_shapes_are_said(tmp_path, output):
    images = tmp_path / "shapes"
    images.mkdir()
    for number, size in enumerate([(40, 60), (80, 121), (41, 60)]):
        Image.new("L", size, 100).save(images / f"{number}.png")
    result = run(images, "-o", output, "-q")
    assert "shapes" not in result.stderr  # next to the same: nothing is distorted
    result = run(images, "-o", output, "-q", "--box", 0, 0, 40, 60)
    assert "different parts" in result.stderr
    Image.new("L", (90, 60), 100).save(images / "wide.png")
    result = run(images, "-o", output, "-q")
    assert result.exit_code == 0, result.output
    assert "such as 80x121 (1.png), 90x60 (wide.png)" in result.stderr
    assert "distorts them differently" in result.stderr


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


def test_the_rate_is_said(bad, output):
    lines = run(bad, "-o", output).stderr.splitlines()
    number = r"[\d,]+ images/s"
    pattern = (
        rf"6 image\(s\) in \d+\.\d s: {number}; reading {number} per core \(1 worker\), "
        rf"extraction {number} per core"
    )
    assert re.fullmatch(pattern, lines[-1])


def test_a_manifest_beside_a_file(bad, output, place):
    path = output.with_name("manifest.csv")
    assert run(bad, "-o", output, "--manifest", path).exit_code == 0
    assert run(bad, "-o", place).exit_code == 0
    assert path.read_bytes() == (place / "manifest.csv").read_bytes()


def test_a_file_does_not_depend_on_batches_or_processes(folder, output, tmp_path):
    for number in range(40):
        Image.new("L", (50, 70), number).save(folder / f"{number}.png")
    run(folder, "-o", output)
    assert run(folder, "-o", tmp_path / "b.npz", "--batch-size", 4, "--n-jobs", 2).exit_code == 0
    assert (tmp_path / "b.npz").read_bytes() == output.read_bytes()


def test_bad_files_are_named_and_left_out(bad, output):
    result = run(bad, "-o", output)
    assert result.exit_code == 0
    assert "skipped broken.jpg: Cannot read" in result.stderr
    assert "skipped empty.png: " in result.stderr
    assert "the file is empty" in result.stderr
    assert "3 image(s), 159,488 feature(s); 3 file(s) skipped" in result.stdout
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
        (["--n-jobs", 0], "0 jobs do nothing"),
        (["--batch-size", 0], "0 is not in the range x>=1"),
    ],
)
def test_usage_errors(folder, output, arguments, message):
    result = run(folder, "-o", output, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_manifest_in_the_place_of_the_features(folder, output):
    result = run(folder, "-o", output, "--manifest", output)
    assert result.exit_code == 2
    assert "--manifest and --output are the same file" in result.stderr
    assert not output.exists()


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


# Folders


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest(folder):
    with (folder / "manifest.csv").open(newline="") as file:
        return list(csv.reader(file))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "features"


@pytest.mark.parametrize("batch_size", [1, 2, 512])
def test_a_folder_of_features(bad, place, batch_size):
    result = run(bad, "-o", place, "--batch-size", batch_size)
    assert result.exit_code == 0, result.output
    assert "3 image(s), 159,488 feature(s); 3 file(s) skipped" in result.stdout
    assert "skipped empty.png: Cannot read" in result.stderr
    store = read_features(place)
    assert store.names == ["a.png", "b.jpg", "sub/a.png"]
    assert_same(store.X.read().tocsr(), expected_features(bad, store.names))
    assert store.settings["size"] == [60, 40]
    assert np.load(place / "codes.npy", mmap_mode="r").shape == (3, 623)
    header, *lines = manifest(place)
    assert header == ["file", "status", "reason"]
    assert [line[:2] for line in lines] == [
        ["a.png", "ok"],
        ["b.jpg", "ok"],
        ["broken.jpg", "failed"],
        ["empty.png", "failed"],
        ["sub/a.png", "ok"],
        ["text.gif", "failed"],
    ]
    assert "the file is empty" in lines[3][2]
    assert [path.name for path in place.parent.iterdir() if path != bad] == ["features"]


def test_a_folder_does_not_depend_on_batches_or_threads(bad, place, tmp_path):
    run(bad, "-o", place)
    assert run(bad, "-o", tmp_path / "other", "--batch-size", 2, "--n-jobs", 2).exit_code == 0
    assert content(tmp_path / "other") == content(place)


def test_a_file_and_a_folder_have_the_same_features(folder, place, output):
    assert run(folder, "-o", place, "--box", 5, 5, 45, 65).exit_code == 0
    assert run(folder, "-o", output, "--box", 5, 5, 45, 65).exit_code == 0
    on_disk, in_memory = read_features(place), read_features(output)
    assert on_disk.settings == in_memory.settings
    assert_same(on_disk.X.read().tocsr(), in_memory.X)


def test_a_complete_folder_is_left_alone(folder, place):
    run(folder, "-o", place)
    before = (place / "codes.npy").stat().st_mtime_ns
    result = run(folder, "-o", place)
    assert result.exit_code == 0
    assert "complete already, nothing to do" in result.stderr
    assert "3 image(s), 159,488 feature(s)" in result.stdout
    assert (place / "codes.npy").stat().st_mtime_ns == before


def test_a_complete_folder_notices_that_an_image_has_changed(folder, place):
    run(folder, "-o", place)
    before = content(place)
    Image.new("L", (9, 9)).save(folder / "a.png")
    result = run(folder, "-o", place)
    assert result.exit_code == 1
    assert "1 finished image(s) have changed (a.png)" in result.stderr
    assert content(place) == before
    (place / "files.npy").unlink()
    assert "complete already" in run(folder, "-o", place).stderr
    (place / "files.npy").write_bytes(b"")
    assert "is not a readable feature folder (files.npy" in run(folder, "-o", place).stderr


def test_another_picture_of_the_same_size_is_noticed(folder, place):
    picture = np.random.default_rng(0).integers(0, 256, (60, 40), dtype=np.uint8)
    for name in ("a.bmp", "b.bmp"):
        Image.fromarray(picture).save(folder / name)
    run(folder, "-o", place)
    before = (folder / "a.bmp").stat().st_size
    Image.fromarray(picture[::-1]).save(folder / "a.bmp")
    assert (folder / "a.bmp").stat().st_size == before
    result = run(folder, "-o", place)
    assert result.exit_code == 1
    assert "1 finished image(s) have changed (a.bmp)" in result.stderr


def test_a_folder_of_another_job(folder, place):
    run(folder, "-o", place)
    before = content(place)
    result = run(folder, "-o", place, "--size", 32, 20)
    assert result.exit_code == 1
    assert "exists and is of another job: size is [32, 20], it was made with [60, 40]" in (
        result.stderr
    )
    (folder / "b.jpg").rename(folder / "c.jpg")
    result = run(folder, "-o", place)
    assert "1 image(s) are new (c.jpg); 1 image(s) are gone (b.jpg)" in result.stderr
    assert "give --start-over to replace it" in result.stderr
    assert content(place) == before
    assert run(folder, "-o", place, "--start-over", "--size", 32, 20).exit_code == 0
    assert read_features(place).names == ["a.png", "c.jpg", "sub/a.png"]
    assert [path.name for path in place.parent.iterdir() if path != folder] == ["features"]


@pytest.mark.parametrize("option", [[], ["--start-over"]])
def test_other_folders_are_never_replaced(folder, place, option):
    place.mkdir()
    (place / "precious").write_text("kept")
    result = run(folder, "-o", place, *option)
    assert result.exit_code == 1
    assert "is not a readable feature folder" in result.stderr
    assert content(place) == {"precious": b"kept"}


def test_a_folder_that_came_in_between_is_not_replaced(begun, place):
    place.mkdir()
    (place / "precious").write_text("kept")
    result = run(begun, "-o", place)
    assert result.exit_code == 1
    assert "is not a readable feature folder" in result.stderr
    (place / "precious").unlink()
    place.rmdir()
    assert "going on after 2 of 6" in run(begun, "-o", place).stderr


def test_a_folder_in_the_way_of_partial_work(folder, place):
    in_the_way = place.with_name("features.partial")
    in_the_way.mkdir()
    (in_the_way / "precious").write_text("kept")
    result = run(folder, "-o", place, "--start-over")
    assert result.exit_code == 1
    assert "is in the way" in result.stderr
    assert "holds 'precious'. Move it away." in result.stderr


def test_a_file_in_the_place_of_a_folder(folder, place):
    place.write_text("a file")
    result = run(folder, "-o", place)
    assert result.exit_code == 2
    assert "exists and is not a folder" in " ".join(result.stderr.split())


def test_start_over_belongs_to_folders(folder, output):
    result = run(folder, "-o", output, "--start-over")
    assert result.exit_code == 2
    assert "--start-over belongs to folders" in result.stderr


def test_no_good_file_leaves_no_folder(bad, place):
    result = run(bad / "empty.png", bad / "text.gif", "-o", place)
    assert result.exit_code == 1
    assert "none of the 2 file(s) could be used; the reasons are above" in result.stderr
    assert list(place.parent.glob("features*")) == []


def stop_after(monkeypatch, n_batches):
    """Let the command be interrupted when it asks for another batch."""
    from vilma.cli.extraction import run

    def read(*arguments, **keywords):
        for number, batch in enumerate(reading(*arguments, **keywords)):
            if number == n_batches:
                raise KeyboardInterrupt
            yield batch

    reading = run.read_batches
    monkeypatch.setattr(run, "read_batches", read)


def test_strict_keeps_finished_work(bad, place):
    result = run(bad, "-o", place, "--strict", "--batch-size", 1)
    assert result.exit_code == 1
    assert "1 file(s) could not be used (broken.jpg); stopped because of --strict" in result.stderr
    assert not place.exists()
    for name in ("broken.jpg", "empty.png", "text.gif"):
        Image.new("L", (60, 40)).save(bad / name, format="png")
    result = run(bad, "-o", place, "--strict")
    assert result.exit_code == 0, result.output
    assert "going on after 2 of 6" in result.stderr
    assert len(read_features(place).names) == 6


def test_strict_refuses_what_an_earlier_run_accepted(bad, place, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        run(bad, "-o", place, "--batch-size", 1)
    result = run(bad, "-o", place, "--strict")
    assert "1 file(s) could not be used (broken.jpg); stopped" in result.stderr


@pytest.fixture
def begun(bad, place, monkeypatch):
    """Images of which two are done."""
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        assert run(bad, "-o", place, "--batch-size", 1).exit_code == 1
    assert not place.exists()
    return bad


def test_going_on_repeats_nothing(begun, place, monkeypatch, tmp_path):
    from vilma.cli.extraction import sources

    read = []
    monkeypatch.setattr(
        sources, "read_image", lambda path: (read.append(path.name), read_image(path))[1]
    )
    result = run(begun, "-o", place)
    assert result.exit_code == 0
    assert "going on after 2 of 6" in result.stderr
    assert read == ["broken.jpg", "empty.png", "a.png", "text.gif"]
    run(begun, "-o", tmp_path / "undisturbed")
    assert content(place) == content(tmp_path / "undisturbed")


def test_going_on_with_something_else(begun, place):
    result = run(begun, "-o", place, "--box", 0, 0, 40, 60)
    assert result.exit_code == 1
    assert "is of another job: box is [0, 0, 40, 60], it was made with None" in result.stderr
    assert "or --start-over to begin again" in result.stderr
    Image.new("L", (99, 99)).save(begun / "a.png")
    result = run(begun, "-o", place)
    assert "1 finished image(s) have changed (a.png)" in result.stderr
    (begun / "new.png").write_bytes((begun / "a.png").read_bytes())
    assert "1 image(s) are new (new.png)" in run(begun, "-o", place).stderr
    assert run(begun, "-o", place, "--start-over").exit_code == 0
    assert read_features(place).names == ["a.png", "b.jpg", "new.png", "sub/a.png"]


def test_images_in_another_order(begun, place):
    names = ["b.jpg", "a.png", "broken.jpg", "empty.png", "text.gif"]
    result = run(*[begun / name for name in names], begun, "-o", place)
    assert "the images come in another order" in result.stderr


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("progress.json", b"{"),
        ("job.json", b"3"),
        ("content/manifest.csv", b""),
        ("content/codes.npy", b""),
    ],
)
def test_damaged_partial_work(begun, place, name, damage):
    (place.with_name("features.partial") / name).write_bytes(damage)
    result = run(begun, "-o", place)
    assert result.exit_code == 1
    assert "is damaged" in result.stderr
    assert "Begin again by --start-over" in result.stderr
    assert run(begun, "-o", place, "--start-over").exit_code == 0


def test_every_flipped_bit_of_partial_work_is_noticed(begun, place):
    """A flip behind the mark is cut off; any other one would be sealed into the folder."""
    partial = place.with_name("features.partial")
    saved = place.with_name("saved")
    shutil.copytree(partial, saved)
    undisturbed = place.with_name("undisturbed")
    assert run(begun, "-o", undisturbed).exit_code == 0
    expected = content(undisturbed)
    rng = np.random.default_rng(0)
    files = [path for path in sorted(saved.rglob("*")) if path.is_file() and path.stat().st_size]
    assert {path.name for path in files} >= {"progress.json", "manifest.csv", "codes.npy"}
    refused = 0
    for number in range(200):
        source = files[number % len(files)]
        damaged = bytearray(source.read_bytes())
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(saved, partial)
        (partial / source.relative_to(saved)).write_bytes(damaged)
        result = run(begun, "-o", place)
        if result.exit_code == 0:  # the header of the array, which is written anew
            assert content(place) == expected
        else:
            assert isinstance(result.exception, SystemExit), result.exception
            assert "is damaged" in result.stderr or "is of another job" in result.stderr
            refused += 1
    assert refused > 100


def test_a_full_disk(begun, place, monkeypatch):
    def refuse(self, rows):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(GrowingMatrix, "append", refuse)
        result = run(begun, "-o", place)
    assert result.exit_code == 1
    assert "could not be written: [Errno 28] No space left on device" in result.stderr
    assert "make room and run the command again" in result.stderr
    assert "going on after 2 of 6" in run(begun, "-o", place).stderr


def test_images_that_vanish_stop_the_work(folder, place, monkeypatch):
    for number in range(8):
        Image.new("L", (60, 40), number).save(folder / f"c{number}.png")
    last, elsewhere = folder / "c7.png", place.with_name("c7.png")
    append = PartialFolder.append

    def lose_the_last(self, outcomes, rows):
        append(self, outcomes, rows)
        if last.exists():
            last.rename(elsewhere)

    with monkeypatch.context() as patch:
        patch.setattr(PartialFolder, "append", lose_the_last)
        result = run(folder, "-o", place, "--batch-size", 1)
    assert result.exit_code == 1
    assert "stopped at" in result.stderr
    assert "c7.png: [Errno 2] No such file or directory" in result.stderr
    assert not place.exists()
    elsewhere.rename(last)
    result = run(folder, "-o", place)
    assert result.exit_code == 0, result.output
    assert "going on after" in result.stderr
    assert len(read_features(place).names) == 11


def test_two_processes_at_once(begun, place):
    fcntl = pytest.importorskip("fcntl", reason="no file locks here")
    with (place.with_name("features.partial") / "lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = run(begun, "-o", place)
    assert result.exit_code == 1
    assert "another process is working in" in result.stderr


def test_a_file_system_without_locks(begun, place, monkeypatch):
    fcntl = pytest.importorskip("fcntl", reason="no file locks here")

    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    result = run(begun, "-o", place)
    assert result.exit_code == 1
    assert "could not be locked: [Errno" in result.stderr
    assert "another process" not in result.stderr


def test_without_locks_no_file_is_open_that_could_not_be_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(unfinished, "fcntl", None)
    with unfinished._locked(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_the_lock_is_taken_before_anything_is_believed(begun, place, monkeypatch):
    locked = unfinished._locked

    @contextmanager
    def finished_in_between(partial):
        with locked(partial):
            (partial / "progress.json").unlink()
            yield

    monkeypatch.setattr(unfinished, "_locked", finished_in_between)
    result = run(begun, "-o", place)
    assert result.exit_code == 0, result.output
    assert "going on" not in result.stderr


def test_every_file_is_on_the_disk_before_the_folder_has_its_name(folder, place, monkeypatch):
    synced = set()

    def note(descriptor):
        synced.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", note)
    assert run(folder, "-o", place).exit_code == 0
    assert {path.stat().st_ino for path in place.iterdir()} <= synced


# For n = 0, 1, ... lets a process be killed before its n-th change of the file system, and another
# one go on, until n is too large to stop the first.
KILLER = """
import itertools, os, pathlib, shutil, signal, sys
import numpy as np
from vilma.cli import main
from vilma.cli.extraction import folder
images, place, expected = sys.argv[1:]

def count_down(owner, name, left):
    function = getattr(owner, name)
    def counted(*arguments, **keywords):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **keywords)
    setattr(owner, name, counted)

def run(n_jobs, n_changes):
    child = os.fork()
    if not child:
        left = [n_changes]
        for owner, name in [(os, "fsync"), (pathlib.Path, "rename"), (pathlib.Path, "replace"),
                            (pathlib.Path, "mkdir"), (shutil, "rmtree"), (pathlib.Path, "unlink"),
                            (pathlib.Path, "write_text"), (pathlib.Path, "write_bytes"),
                            (folder, "manifest_lines"), (np, "save")]:
            count_down(owner, name, left)
        command = ["lbp", images, "-o", place, "-q", "--batch-size", "4", "--n-jobs", n_jobs]
        try:
            main(command, standalone_mode=False)
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)  # the end of an interpreter takes longer than the work
    return os.waitpid(child, 0)[1]

def content(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}

# The parent imports and compiles everything once.
main(["lbp", images, "-o", place, "-q"], standalone_mode=False)
shutil.rmtree(place)
for n in itertools.count():
    killed = os.WIFSIGNALED(run("2", n))
    if killed:
        assert not os.path.exists(place) or content(place) == content(expected), n
        assert run("1", 10**9) == 0, n
    assert content(place) == content(expected), n
    assert not os.path.exists(place + ".partial"), n
    shutil.rmtree(place)
    if not killed:
        print(n)
        break
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
def test_killed_at_every_step(bad, place, tmp_path):
    expected = tmp_path / "undisturbed"
    assert run(bad, "-o", expected).exit_code == 0
    command = [sys.executable, "-c", KILLER, bad, place, expected]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[-1]) > 20


SIGTERM = """
import os, signal, sys
import numpy as np
from vilma.cli import main

def write_half(stream, **arrays):
    stream.write(b"half")
    os.kill(os.getpid(), signal.SIGTERM)

np.savez_compressed = write_half
main(["lbp", *sys.argv[1:]])
"""


def test_terminated_while_writing_a_file(folder, output):
    command = [sys.executable, "-c", SIGTERM, folder, "-o", output]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 128 + 15, result.stderr
    assert list(output.parent.iterdir()) == []


WITH_PROCESSES = """
from vilma.cli import main

if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes cannot be killed here")
def test_killed_at_random_with_worker_processes(tmp_path):
    """The same bytes come out, whenever the command is killed and however many read."""
    rng = np.random.default_rng(0)
    images, place, expected = tmp_path / "faces", tmp_path / "features", tmp_path / "undisturbed"
    images.mkdir()
    for number in range(300):
        pixels = rng.integers(0, 256, (60, 40), dtype=np.uint8)
        Image.fromarray(pixels).save(images / f"{number:03d}.png")
    (images / "100.png").write_bytes(b"")
    assert run(images, "-o", expected, "-q").exit_code == 0
    command = [sys.executable, "-c", WITH_PROCESSES, "lbp", images, "-o", place, "-q"]
    command += ["--n-jobs", "2", "--batch-size", "4"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    kill_after(process, place, 80 + int(rng.integers(0, 80)))
    assert not place.exists()
    result = run(images, "-o", place)
    assert result.exit_code == 0, result.output
    assert "going on after" in result.stderr
    assert content(place) == content(expected)
    assert not partial_place(place).exists()


def kill_after(process, place, n_done):
    """Kill a process as soon as it says that so many images are finished."""
    progress = partial_place(place) / "progress.json"
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if progress.exists() and json.loads(progress.read_bytes())[0] >= n_done:
            process.kill()
            break
    assert process.wait() == -signal.SIGKILL, process.stderr.read()
    process.stderr.close()
