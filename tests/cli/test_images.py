"""Images named on the command line, and what stops their reading."""

import errno
import os

import click
import numpy as np
import pytest

from vilma.cli.extraction.reading import Rate, Unusable, read_batches
from vilma.cli.extraction.sources import ImageFile


def read(reader, paths, n_jobs=1):
    files = [ImageFile(path, path.name) for path in paths]
    batches = read_batches(files, reader, Rate(), batch_size=40, n_jobs=n_jobs, quiet=True)
    return [result for batch in batches for _, result in batch]


def raising(error):
    def reader(path, name):
        raise error

    return reader


def read_bytes(path, name):
    return np.frombuffer(path.read_bytes(), np.uint8)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.EIO, os.strerror(errno.EIO)),
        OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    ],
    ids=repr,
)
def test_a_failure_of_the_machine_is_none_of_the_file(tmp_path, error):
    with pytest.raises(click.ClickException, match=r"stopped at .*a\.png: .*no fault of the file"):
        read(raising(error), [tmp_path / "a.png"])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_files_that_are_gone_stop_the_reading(tmp_path, n_jobs):
    path = tmp_path / "a.png"
    path.write_bytes(b"1")
    with pytest.raises(click.ClickException, match=r"stopped at .*b\.png: .*No such file"):
        read(read_bytes, [path] * 39 + [tmp_path / "b.png"], n_jobs)


@pytest.mark.parametrize(
    "error", [ValueError("broken"), OSError(errno.EACCES, "closed"), RuntimeError("of dlib")]
)
def test_a_bad_file_does_not_stop_the_reading(tmp_path, error):
    assert read(raising(error), [tmp_path / "a.png"]) == [Unusable(str(error))]


def test_a_link_that_leads_nowhere_is_a_bad_file(tmp_path):
    link = tmp_path / "a.png"
    link.symlink_to(tmp_path / "nothing")
    (result,) = read(read_bytes, [link])
    assert "No such file" in result.reason
