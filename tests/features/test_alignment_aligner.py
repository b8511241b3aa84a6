"""The transformer FaceAligner with landmarks that are given."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from vilma.features import (
    DeepFeatures,
    FaceAligner,
    FaceNotFoundError,
    ImageReadError,
    MultiScaleLBP,
    canonical_crop,
    face_template,
    read_image,
    read_rgb,
)

FGNET = Path(__file__).resolve().parents[3] / "shared" / "data" / "fgnet_landmarks68.npz"
LANDMARKS = 3 * face_template("dlib5") + 1 + (40, 10)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Three photographs, and landmarks of the first two."""
    (tmp_path / "faces" / "sub").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "sub/b.png", "c.png")):
        Image.fromarray(noise(200, 190, 3, seed=seed)).save(tmp_path / "faces" / name)
    rows = ["file," + ",".join(f"x{i},y{i}" for i in range(1, 6))]
    for shift, name in enumerate(("a.png", "sub/b.png")):
        rows.append(name + "," + ",".join(map(str, (LANDMARKS + shift).ravel())))
    rows.append("c.png" + 10 * ",")
    (tmp_path / "points.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_landmarks_of_the_fixed_crop_give_the_fixed_crop():
    image = noise(200, 200)
    fixed = canonical_crop(image, box=(40, 10, 160, 190)).astype(int)
    for warp in ("similarity", "affine"):
        crop = FaceAligner(warp=warp).align(image, LANDMARKS)
        assert crop.dtype == np.uint8
        assert crop.shape == (60, 40)
        assert np.abs(crop - fixed).max() <= 1


def test_a_turned_photograph_gives_the_same_crop():
    image = noise(200, 220)
    crop = FaceAligner().align(image, LANDMARKS)
    for quarters in (1, 2, 3):
        x, y = LANDMARKS.T
        for _ in range(quarters):  # a quarter turn against the clock; the width changes each time
            width = 220 if _ % 2 == 0 else 200
            x, y = y, width - 1 - x
        turned = np.rot90(image, quarters)
        difference = FaceAligner().align(turned, np.column_stack([x, y])) - crop.astype(int)
        assert np.abs(difference).max() <= 1


def test_landmarks_end_up_at_the_template():
    image = np.zeros((300, 300), dtype=np.uint8)
    rng = np.random.default_rng(1)
    landmarks = (face_template("mtcnn5") + 0.5) * 5 + 40
    turn = np.radians(25)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    landmarks = (landmarks - 150) @ matrix.T + 150 + rng.normal(scale=0.2, size=(5, 2))
    for x, y in landmarks.round().astype(int):
        image[y - 4 : y + 5, x - 4 : x + 5] = 255
    crop = FaceAligner(layout="mtcnn5").align(image, landmarks).astype(float)
    for x, y in face_template("mtcnn5"):
        left, top = int(x) - 3, int(y) - 3
        spot = crop[top : top + 8, left : left + 8]
        rows, columns = np.indices(spot.shape)
        centre = [
            (spot * columns).sum() / spot.sum() + left,
            (spot * rows).sum() / spot.sum() + top,
        ]
        assert_allclose(centre, [x, y], atol=0.35)


@pytest.mark.parametrize("size", [(120, 80), (30, 20), (224, 224)])
def test_other_sizes_show_the_same_part(size):
    smooth = np.add.outer(np.arange(200), np.arange(200)) // 2
    smooth = smooth.astype(np.uint8)
    crop = FaceAligner(size=size).align(smooth, LANDMARKS).astype(float)
    assert crop.shape == size
    canonical = FaceAligner().align(smooth, LANDMARKS)
    corners = np.ix_([0, -1], [0, -1])
    assert_allclose(crop[corners], canonical[corners], atol=2)
    assert_allclose(crop.mean(), canonical.mean(), atol=0.5)


def test_grey_and_colour():
    rgb = noise(200, 200, 3)
    grey = np.array(Image.fromarray(rgb).convert("L"))
    aligner, colour = FaceAligner(), FaceAligner(color=True)
    assert_array_equal(aligner.align(rgb, LANDMARKS), aligner.align(grey, LANDMARKS))
    crop = colour.align(rgb, LANDMARKS)
    assert crop.shape == (60, 40, 3)
    assert_array_equal(crop[..., 1], aligner.align(rgb[..., 1], LANDMARKS))
    assert_array_equal(
        colour.align(grey, LANDMARKS), np.stack([aligner.align(grey, LANDMARKS)] * 3, -1)
    )


def test_files_of_a_table(folder):
    paths = [folder / "faces" / "sub" / "b.png", folder / "faces" / "a.png"]
    aligner = FaceAligner(folder / "points.csv")
    crops = aligner.fit_transform(paths)
    assert crops.shape == (2, 60, 40)
    assert_array_equal(crops[0], FaceAligner().align(paths[0], LANDMARKS + 1))
    assert_array_equal(crops[1], aligner.align(str(paths[1])))
    mapping = {"faces/a.png": LANDMARKS, "b.png": LANDMARKS + 1}
    assert_array_equal(FaceAligner(mapping).transform(np.array(paths, dtype=str)), crops)
    given = FaceAligner().transform(paths, landmarks=[LANDMARKS + 1, LANDMARKS])
    assert_array_equal(given, crops)
    twice = aligner.transform([paths[1], paths[1]])
    assert_array_equal(twice[0], twice[1])


@pytest.mark.parametrize(
    "form",
    [
        pd.Series,
        lambda names: pd.DataFrame({"file": names}),
        lambda names: np.array([names]).T,
        lambda names: np.stack([read_image(name) for name in names]),
        lambda names: np.stack([read_rgb(name) for name in names]),
    ],
)
def test_the_forms_that_deep_features_takes(folder, form):
    names = [str(folder / "faces" / name) for name in ("a.png", "c.png")]
    landmarks = [LANDMARKS, LANDMARKS + 1]
    crops = FaceAligner().transform(form(names), landmarks=landmarks)
    assert_array_equal(crops, FaceAligner().transform(names, landmarks=landmarks))


def test_a_column_of_a_table(folder):
    table = pd.DataFrame({"file": [folder / "faces" / "a.png"], "age": [30]})
    aligner = FaceAligner(folder / "points.csv")
    columns = ColumnTransformer([("lbp", make_pipeline(aligner, MultiScaleLBP()), ["file"])])
    assert columns.fit_transform(table).shape == (1, 159_488)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_order_is_kept(folder, n_jobs):
    images = [noise(200, 200, seed=seed) for seed in range(5)]
    aligner = FaceAligner(n_jobs=n_jobs)
    crops = aligner.transform(images, landmarks=[LANDMARKS] * 5)
    for image, crop in zip(images, crops, strict=True):
        assert_array_equal(crop, FaceAligner().align(image, LANDMARKS))
    with pytest.raises(ValueError, match="Row 3 of X: landmarks must be finite"):
        aligner.transform(images, landmarks=[LANDMARKS] * 3 + [LANDMARKS * np.nan] * 2)


def test_processes_get_the_landmarks_of_their_rows_alone(folder):
    class Table(dict):
        def __reduce__(self):
            raise AssertionError("the table was pickled")

    paths = [folder / "faces" / "a.png", folder / "faces" / "sub" / "b.png"]
    table = Table({"a.png": LANDMARKS, "b.png": LANDMARKS + 1})
    aligner = FaceAligner(table, n_jobs=2)
    assert_array_equal(aligner.transform(paths), FaceAligner(table).transform(paths))
    assert aligner.landmarks is table


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_limit_of_pixels_holds_in_every_process(folder, n_jobs, monkeypatch):
    path = folder / "faces" / "a.png"
    aligner = FaceAligner(n_jobs=n_jobs)
    for limit in (1000, 38_000):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        if limit == 1000:
            with pytest.raises(ImageReadError, match=r"Row 0 of X .* more than 1,000 pixels"):
                aligner.transform([path] * 2, landmarks=[LANDMARKS] * 2)
        else:
            aligner.transform([path] * 2, landmarks=[LANDMARKS] * 2)


def test_errors_name_the_row(folder):
    faces = folder / "faces"
    aligner = FaceAligner(folder / "points.csv")
    with pytest.raises(
        ValueError, match=r"no landmarks of row 1 of X, '.*c\.png', nor of 0 other"
    ):
        aligner.transform([faces / "a.png", faces / "c.png"])
    with pytest.raises(ValueError, match=r"row 0 of X is an array\. Pass paths"):
        aligner.transform([noise(200, 200)])
    (faces / "a.png").write_bytes(b"no image")
    with pytest.raises(ImageReadError, match=r"Row 1 of X \('.*a\.png'\): Cannot read"):
        aligner.transform([faces / "sub" / "b.png", faces / "a.png"])
    (faces / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png"):
        aligner.transform([faces / "a.png"])
    with pytest.raises(FaceNotFoundError, match="Row 1 of X: the face is too small"):
        FaceAligner().transform(
            [noise(200, 200)] * 2, landmarks=[LANDMARKS, 50 + face_template("dlib5") / 4]
        )


def test_a_name_that_fits_two_images_is_refused(folder):
    (folder / "faces" / "sub" / "a.png").write_bytes((folder / "faces" / "a.png").read_bytes())
    paths = [folder / "faces" / "a.png", folder / "faces" / "sub" / "a.png"]
    with pytest.raises(ValueError, match=r"a\.png' fits 2 images"):
        FaceAligner({"a.png": LANDMARKS}).transform(paths)


def test_a_crop_outside_of_the_image_is_refused():
    message = (
        r"\d+% of the crop would lie outside of the image, which is 100 pixels wide and 90 high"
    )
    with pytest.raises(FaceNotFoundError, match=message):
        FaceAligner().align(noise(90, 100), LANDMARKS)
    FaceAligner().align(noise(150, 140), LANDMARKS)  # a smaller part


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("face.jpg", TypeError, r"X is a single path, 'face\.jpg'; give a list"),
        (noise(20, 20), ValueError, r"X must be a list.* Got an array of shape \(20, 20\)"),
        (noise(20, 20, 3), ValueError, r"X of shape \(20, 20, 3\) looks like one image in colour"),
        ([], ValueError, "X has no images"),
        (3, TypeError, r"X must be a list.* Got int"),
        ([noise(9, 9) / 2], ValueError, r"X\[0\] must be a grey or RGB image: uint8"),
        ([noise(9, 9, 4)], ValueError, r"X\[0\] must be .* of shape \(9, 9, 4\)"),
        ([None], TypeError, r"X\[0\] must be a path or an array, got NoneType"),
    ],
)
def test_what_is_no_sequence_of_images(X, error, message):
    landmarks = [LANDMARKS] if isinstance(X, list) and X else None
    with pytest.raises(error, match=message):
        FaceAligner().transform(X, landmarks=landmarks)


def test_as_many_landmarks_as_images():
    with pytest.raises(ValueError, match="landmarks are of 1 images, but X has 2"):
        FaceAligner().transform([noise(200, 200)] * 2, landmarks=[LANDMARKS])
    with pytest.raises(ValueError, match=r"Row 0 of X: landmarks must be 5 or 68 points .*got 4"):
        FaceAligner().transform([noise(200, 200)], landmarks=[LANDMARKS[:4]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"warp": "rigid"}, "'warp' parameter .* one of 'similarity', 'affine'. Got 'rigid'"),
        ({"warp": ["affine"]}, r"'warp' parameter .* Got \['affine'\]"),
        ({"layout": "seven"}, "'layout' parameter .* None, 'dlib5'"),
        ({"several": "first"}, "'several' parameter .* 'error', 'best', 'largest', 'central'"),
        ({"color": "grey"}, "'color' parameter .* False, True"),
        ({"turns": 2}, "'turns' parameter"),
        ({"doublings": 4}, "'doublings' parameter .* integer from 0 to 3. Got 4"),
        ({"doublings": True}, "'doublings' parameter"),
        ({"min_score": np.nan}, "'min_score' parameter .* finite"),
        ({"min_eye_distance": 0}, "'min_eye_distance' parameter .* positive"),
        ({"size": (60, 0)}, "size must be a tuple"),
    ],
)
def test_parameters_are_checked(parameters, message):
    aligner = FaceAligner(**parameters)
    for use in (aligner.fit, lambda: aligner.align(noise(200, 200), LANDMARKS)):
        with pytest.raises(ValueError, match=message):
            use()


def test_it_is_a_transformer(folder):
    aligner = FaceAligner(folder / "points.csv", size=(30, 20), n_jobs=1)
    assert clone(aligner).get_params() == aligner.get_params()
    path = folder / "faces" / "a.png"
    again = pickle.loads(pickle.dumps(aligner))
    assert_array_equal(again.align(path), aligner.align(path))
    lbp = make_pipeline(aligner.set_params(size=(60, 40)), MultiScaleLBP())
    assert lbp.fit_transform([path, folder / "faces" / "sub" / "b.png"]).shape == (2, 159_488)


def test_a_pipeline_with_tables_for_output(folder):
    features = DeepFeatures(lambda crops: [crop.mean(axis=(0, 1)) for crop in crops])
    pipeline = make_pipeline(FaceAligner(folder / "points.csv"), features)
    table = pipeline.set_output(transform="pandas").fit_transform([folder / "faces" / "a.png"])
    assert table.columns.tolist() == ["deepfeatures0", "deepfeatures1", "deepfeatures2"]
    with config_context(transform_output="pandas"):
        assert isinstance(pipeline[0].transform([folder / "faces" / "a.png"]), np.ndarray)


@pytest.mark.skipif(not FGNET.is_file(), reason="the shared FG-NET landmarks are not there")
def test_landmarks_of_fgnet():
    points = np.load(FGNET)["points"].astype(np.float64)
    points -= points.min(axis=(1, 2), keepdims=True)
    image = noise(1000, 1000)
    right = FaceAligner(layout="fgnet68", min_eye_distance=1)
    for landmarks in points[::25]:
        assert right.align(image, landmarks + 100).shape == (60, 40)
        with pytest.raises(ValueError, match=r"no face in the order of layout='ibug68'"):
            FaceAligner(min_eye_distance=1).align(image, landmarks + 100)
