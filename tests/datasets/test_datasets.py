import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from vilma import IISVOR_IMC
from vilma.datasets import (
    load_anes96,
    load_image_folder,
    load_wine_quality,
    make_interval_problem,
    parse_utkface_name,
)
from vilma.intervals import to_intervals

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def test_anes():
    data = load_anes96()
    assert data.data.shape == (944, 9)
    assert data.feature_names == [
        "popul", "TVnews", "selfLR", "ClinLR", "DoleLR", "age", "educ", "income", "vote",
    ]  # fmt: skip
    assert np.bincount(data.target).tolist() == [200, 180, 108, 37, 94, 150, 175]
    assert data.classes.tolist() == list(range(7))
    assert "public domain" in data.DESCR.lower()
    assert data.data[1, 0] == 190


@pytest.mark.parametrize("target", ["selfLR", "ClinLR", "DoleLR", "educ", "TVnews"])
def test_other_questions_of_anes(target):
    data, party = load_anes96(target=target), load_anes96()
    assert data.data.shape == (944, 9)
    assert target not in data.feature_names
    column = party.data[:, party.feature_names.index(target)]
    assert data.target.tolist() == column.tolist()
    assert data.data[:, data.feature_names.index("PID")].tolist() == party.target.tolist()
    first = int(target != "TVnews")
    assert data.classes.tolist() == list(range(first, 8))


def test_income_of_anes_as_intervals():
    data = load_anes96(target="income")
    assert data.data.shape == (944, 9)
    assert "PID" in data.feature_names
    assert data.target.shape == (944, 2)
    assert len(np.unique(data.target, axis=0)) == len(data.brackets) == 24
    codes = load_anes96(as_frame=True).data["income"]
    assert_array_equal(data.target[codes == 1], [[-np.inf, 2999]] * (codes == 1).sum())
    assert_array_equal(data.target[codes == 20], [[50_000, 59_999]] * (codes == 20).sum())
    assert_array_equal(data.target[codes == 24], [[105_000, np.inf]] * (codes == 24).sum())
    assert np.isin(data.target[np.isfinite(data.target)], data.classes).all()


def test_wine():
    X, y = load_wine_quality(return_X_y=True)
    assert X.shape == (6497, 12)
    assert np.isfinite(X).all()
    assert np.bincount(y)[3:].tolist() == [30, 216, 2138, 2836, 1079, 193, 5]
    assert X[:, -1].sum() == 1599
    assert "CC BY 4.0" in load_wine_quality().DESCR


def test_frames():
    X, y = load_wine_quality(return_X_y=True, as_frame=True)
    assert isinstance(X, pd.DataFrame)
    assert y.name == "quality"
    assert X.columns[0] == "fixed_acidity"
    income = load_anes96(target="income", as_frame=True).target
    assert income.columns.tolist() == ["lower", "upper"]
    assert len(to_intervals(income)) == 944


@pytest.mark.parametrize(
    ("load", "name", "columns"),
    [
        (load_anes96, "anes96.csv", slice(0, 5)),
        (load_wine_quality, "wine_quality.csv", slice(0, 11)),
    ],
)
def test_tables_are_those_of_their_source(load, name, columns):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} of the shared data is not there")
    table = pd.read_csv(path, comment="#")
    assert_array_equal(load().data[:, columns], table.to_numpy()[:, columns].astype(float))


def test_bad_target():
    with pytest.raises(ValueError, match=r"should be 'PID', .* or 'income', got 'age'"):
        load_anes96(target="age")


@pytest.mark.parametrize("annotation", ["cells", "sliding", "asymmetric"])
def test_random_problems_are_what_they_say(annotation):
    problem = make_interval_problem(
        2000, 5, n_classes=8, annotation=annotation, exact=0.25, wrong=0.1, random_state=0
    )
    assert problem.data.shape == (2000, 5)
    assert np.linalg.norm(problem.coef) == pytest.approx(1)
    low, up = problem.target.T
    outside = (problem.truth < low) | (problem.truth > up)
    assert_array_equal(outside, problem.wrong)
    assert problem.wrong.sum() == 200
    assert problem.exact.sum() <= 500
    assert np.all(np.bincount(problem.truth, minlength=9)[1:] > 200)  # 250 expected
    assert np.all(up - low <= 2)
    again = make_interval_problem(
        2000, 5, n_classes=8, annotation=annotation, exact=0.25, wrong=0.1, random_state=0
    )
    assert_array_equal(again.target, problem.target)


def test_a_random_problem_without_noise_is_solved():
    problem = make_interval_problem(300, 3, n_classes=4, noise=0.0, width=2, random_state=0)
    assert_array_equal(
        problem.truth, 1 + np.searchsorted(problem.thresholds, problem.data @ problem.coef)
    )
    model = IISVOR_IMC(alpha=1e-3, classes=problem.classes).fit(problem.data, problem.target)
    assert np.mean(model.predict(problem.data) == problem.truth) > 0.94
    cosine = model.coef_ @ problem.coef / np.linalg.norm(model.coef_)
    assert_allclose(cosine, 1, atol=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"annotation": "guess"},
            "annotation should be one of ['asymmetric', 'cells', 'sliding']",
        ),
        ({"n_classes": 1}, "n_classes should be an integer of at least 2, got 1"),
        ({"noise": -1}, "noise should be finite and not negative, got -1"),
        ({"exact": 501}, "exact=501 exact labels are wanted of 500 rows"),
    ],
)
def test_bad_problems(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make_interval_problem(**options)


def test_names_of_utkface():
    assert parse_utkface_name("a/26_1_0_20170116184024662.jpg") == (26, 1, 0, "20170116184024662")
    assert parse_utkface_name("110_0_4_20170116184024662.jpg.chip.jpg").age == 110
    for strange in ("39_1_20170116174525125.jpg", "26_2_0_2017.jpg", "me.jpg", "26_1_0_2017.txt"):
        with pytest.raises(ValueError, match=r"is not named as UTKFace does, \[age\]_"):
            parse_utkface_name(strange)


@pytest.fixture
def faces(tmp_path):
    folder = tmp_path / "faces"
    (folder / "more").mkdir(parents=True)
    for grey, name in enumerate(
        ["30_1_0_2017.jpg", "7_0_2_2016.jpg", "more/61_0_4_2018.jpg.chip.jpg"], start=1
    ):
        Image.new("L", (20, 30), grey * 50).save(folder / name)
    return folder


def test_folder_named_as_utkface(faces):
    data = load_image_folder(faces, size=(6, 4))
    assert data.images.shape == (3, 6, 4)
    assert data.images.dtype == np.uint8
    assert data.filenames == ["30_1_0_2017.jpg", "7_0_2_2016.jpg", "more/61_0_4_2018.jpg.chip.jpg"]
    assert data.target.tolist() == [30, 7, 61]
    assert data.gender.tolist() == [1, 0, 0]
    assert data.race.tolist() == [0, 2, 4]
    assert_allclose(data.images.mean(axis=(1, 2)), [50, 100, 150], atol=1)


def test_strange_names_and_broken_files_are_left_out(faces):
    (faces / "5_0_0_2017.jpg").write_bytes(b"no image")
    Image.new("L", (20, 30)).save(faces / "39_1_2017.jpg")
    with (
        pytest.warns(UserWarning, match=r"Left out 1 image\(s\) that are not named.*39_1_2017"),
        pytest.warns(UserWarning, match=r"Left out 1 image\(s\) that cannot be read.*5_0_0_2017"),
    ):
        data = load_image_folder(faces, size=(6, 4))
    assert data.target.tolist() == [30, 7, 61]


def test_folder_with_labels_in_a_file(faces, tmp_path):
    table = tmp_path / "ages.csv"
    table.write_text("file,lower,upper\n7_0_2_2016.jpg,5,9\n61_0_4_2018.jpg.chip.jpg,60,\n")
    with pytest.warns(
        UserWarning, match=r"Left out 1 image\(s\) without a label: 30_1_0_2017.jpg"
    ):
        data = load_image_folder(faces, table, size=(6, 4), n_jobs=2)
    assert data.target.tolist() == [[5, 9], [60, np.inf]]
    assert data.filenames == ["7_0_2_2016.jpg", "more/61_0_4_2018.jpg.chip.jpg"]
    assert "gender" not in data
    table.write_text("path,years\n7_0_2_2016.jpg,7\n30_1_0_2017.jpg,30\ngone.jpg,3\n")
    with (
        pytest.warns(UserWarning, match=r"1 image\(s\) without a label"),
        pytest.warns(UserWarning, match=r"Left out 1 label\(s\) without an image: gone.jpg"),
    ):
        data = load_image_folder(faces, table, columns=("path", "years"), size=(6, 4))
    assert data.target.tolist() == [30, 7]
    assert data.target.dtype.kind == "i"


def test_bad_folders(faces, tmp_path):
    table = tmp_path / "ages.csv"
    with pytest.raises(FileNotFoundError, match="There is no file or folder"):
        load_image_folder(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="There are no images in"):
        load_image_folder(tmp_path / "empty")
    table.write_text("file,label\nother.jpg,3\n")
    with pytest.raises(
        ValueError, match=r"No image has a label in .* The images are 30_1_0_2017.jpg"
    ):
        load_image_folder(faces, table)
    table.write_text("name,age,sex\nother.jpg,3,0\n")
    with pytest.raises(ValueError, match=r"has the columns 'name,age,sex'.*in `columns`"):
        load_image_folder(faces, table)
    with (
        pytest.warns(UserWarning, match="cannot be read"),
        pytest.raises(ValueError, match=r"30_1_0_2017.jpg: box .* must be inside the image"),
    ):
        load_image_folder(faces, box=(0, 0, 200, 200))
    for path in faces.rglob("*.jpg"):
        path.rename(path.with_name(f"x{path.name}"))
    with pytest.raises(ValueError, match=r"No image is named as UTKFace does.*as `labels`"):
        load_image_folder(faces)


def test_utkface_itself():
    folder = SHARED / "utkface" / "images"
    if not folder.exists():
        pytest.skip("the shared UTKFace images are not there")
    names = sorted(path.name for path in folder.iterdir())
    ages = pd.read_csv(SHARED / "utkface" / "labels.csv", index_col="file")["age"]
    assert [parse_utkface_name(name).age for name in names] == ages[names].tolist()


@pytest.mark.parametrize("folder", ["faces/", "C:\\Users\\me\\faces\\", "..\\faces/", ""])
def test_utkface_names_in_folders_of_any_system(folder):
    assert parse_utkface_name(f"{folder}26_1_0_20170116184024662.jpg").age == 26
