"""Files that break programs go through: each ends in the output, or beside a reason."""

import csv
import os
import re
import warnings
from collections import Counter

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.testing import assert_array_equal
from PIL import Image

from tests.reference.hostile_images import write_hostile_folder
from vilma import MappedMatrix
from vilma.cli import main
from vilma.features import ImageReadError, MultiScaleLBP, canonical_crop, read_image, read_rgb


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile") / "images"
    return folder, write_hostile_folder(folder)


def test_there_are_two_hundred(hostile):
    folder, files = hostile
    assert len(files) == len({file.name for file in files}) == 200
    assert sum(path.is_file() for path in folder.rglob("*")) == 200


def outcome(read, path):
    """Return the image, or why there is none."""
    try:
        return read(path)
    except ImageReadError as error:
        return str(error)


def assert_right(file, reason):
    """Check that a file was to be refused, for this reason."""
    assert file.reason or file.may_fail, (file.name, reason)
    assert re.search(file.reason or "Cannot read", reason), (file.name, reason)


def test_each_is_read_or_refused(hostile):
    folder, files = hostile
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = [
            [outcome(read, folder / file.name) for read in (read_image, read_rgb)]
            for file in files
        ]
    assert not [str(each.message) for each in caught if "PIL" in str(each.filename)]
    for file, (grey, colour) in zip(files, results, strict=True):
        if isinstance(grey, str):
            assert grey == colour
            assert_right(file, grey)
            continue
        assert file.reason is None, file.name
        assert colour.shape == (*grey.shape, 3)
        if file.pixels is not None:
            assert_array_equal(grey, file.pixels, err_msg=file.name)


def manifest(output):
    with (output / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        header, *lines = csv.reader(stream)
    assert header == ["file", "status", "reason"]
    return lines


def test_the_command_line_takes_them_all(hostile, tmp_path):
    folder, files = hostile
    output = tmp_path / "features"
    result = CliRunner().invoke(main, ["lbp", str(folder), "-o", str(output)])
    assert result.exit_code == 0, result.output
    lines = manifest(output)
    assert Counter(name for name, _, _ in lines) == Counter(file.name for file in files)

    expected = {file.name: file for file in files}
    rows = [name for name, status, _ in lines if status == "ok"]
    codes = MappedMatrix.open(output).read().codes
    assert len(codes) == len(rows)
    for name, status, reason in lines:
        file = expected[name]
        if status == "ok":
            assert reason == ""
            assert file.reason is None, name
        else:
            assert_right(file, reason)
    known = [row for row, name in enumerate(rows) if expected[name].pixels is not None]
    crops = np.stack([canonical_crop(expected[rows[row]].pixels) for row in known])
    assert_array_equal(codes[known], MultiScaleLBP().compute_codes(crops))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_pipes_links_and_folders(tmp_path):
    folder = tmp_path / "images"
    (folder / "folder.jpg").mkdir(parents=True)
    Image.new("L", (9, 9), 50).save(folder / "good.png")
    os.mkfifo(folder / "pipe.png")
    (folder / "link.png").symlink_to(folder / "good.png")
    (folder / "broken.png").symlink_to(folder / "nowhere.png")
    output = tmp_path / "features"
    result = CliRunner().invoke(main, ["lbp", str(folder), "-o", str(output)])
    assert result.exit_code == 0, result.output
    outcomes = {name: (status, reason) for name, status, reason in manifest(output)}
    assert [name for name, (status, _) in outcomes.items() if status == "ok"] == [
        "good.png",
        "link.png",
    ]
    assert "nowhere" in outcomes["broken.png"][1] or "broken" in outcomes["broken.png"][1]
    assert "it is a pipe" in outcomes["pipe.png"][1]
    assert len(outcomes) == 4
