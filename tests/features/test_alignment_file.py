"""Landmarks from CSV files."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from vilma.features import read_landmarks


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "points.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_names_and_points(tmp_path):
    path = write(
        tmp_path, "file,x1,y1,x2,y2\na.jpg,1,2,3,4\nsub\\b.jpg, 1.5 ,-2e1,0,4\n\n./c.jpg,,,,\n"
    )
    landmarks = read_landmarks(str(path))
    assert list(landmarks) == ["a.jpg", "sub/b.jpg"]
    assert_array_equal(landmarks["a.jpg"], [[1, 2], [3, 4]])
    assert_array_equal(landmarks["sub/b.jpg"], [[1.5, -20], [0, 4]])


def test_columns_in_any_order_and_more_of_them(tmp_path):
    path = write(tmp_path, "\ufeffx2,score,y1,file, x1,y2\n3,0.9,2,å.jpg,1,4\n")
    assert_array_equal(read_landmarks(path)["å.jpg"], [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"points\.csv has the columns ''; expected file,x1,y1,x2,y2 and so on, each once"),
        ("file,label\na,1\n", "has the columns 'file,label'"),
        ("x1,y1\n1,2\n", "has the columns 'x1,y1'"),
        ("file,x1,y1,x2\na,1,2,3\n", "has the columns 'file,x1,y1,x2'"),
        ("file,x1,y1,y1\na,1,2,3\n", "each once"),
        (
            "file,x1,y1\na,1\n",
            r"points\.csv, line 2 has 2 cells, separated by commas; the header has 3",
        ),
        ("file,x1,y1\n ,1,2\n", "line 2 has no file name"),
        ("file,x1,y1\na,1,2\nb,3,4\na,1,2\n", r"line 4 has points of 'a' again; .* line 2"),
        ("file,x1,y1\na,1,2\nb,3,4\n./a,,\n", r"line 4 has points of 'a' again"),
        ("file,x1,y1\na,1,two\n", "line 2 has the coordinate 'two'; expected a finite number"),
        ("file,x1,y1\na,1,inf\n", "line 2 has the coordinate 'inf'"),
        ("file,x1,y1\na,1,\n", r"the coordinate ''.*empty cells for all points of an image"),
        ('file,x1,y1\n"a,1,2\n', "not a readable CSV file in UTF-8"),
    ],
)
def test_errors_name_the_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_landmarks(write(tmp_path, text))


def test_another_encoding_and_no_file(tmp_path):
    with pytest.raises(ValueError, match="not a readable CSV file in UTF-8"):
        read_landmarks(write(tmp_path, "file,x1,y1\nå.jpg,1,2\n", "latin-1"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_landmarks(tmp_path / "nowhere.csv")


def test_many_points(tmp_path):
    points = np.arange(136.0).reshape(68, 2)
    header = ",".join(f"x{i},y{i}" for i in range(1, 69))
    row = ",".join(str(value) for value in points.ravel())
    path = write(tmp_path, f"file,{header}\na.png,{row}\n")
    assert_array_equal(read_landmarks(path)["a.png"], points)
