"""FaceAligner with faces found by dlib; the photograph is one of scikit-image."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from skimage.data import astronaut

from vilma.features import FaceAligner, FaceNotFoundError, face_template
from vilma.features.alignment import dlib_models
from vilma.features.alignment.detection import Face, choose_face

# Corners of the eyes and base of the nose, as anybody sees them in the photograph.
LANDMARKS = np.array([[254.0, 103], [237, 105], [196, 102], [213, 104], [224, 134]])


@pytest.fixture(scope="module")
def photograph():
    pytest.importorskip("dlib")
    try:
        dlib_models.model_path("shape_predictor_5_face_landmarks.dat")
    except ImportError as error:
        pytest.skip(str(error))
    return np.array(Image.fromarray(astronaut()).convert("L"))


def resized(image, factor):
    height, width = image.shape
    return np.array(Image.fromarray(image).resize((round(width * factor), round(height * factor))))


def test_the_landmarks_are_where_they_are_seen(photograph):
    assert_allclose(FaceAligner().find_landmarks(photograph), LANDMARKS, atol=4)


def test_the_crop_is_that_of_the_landmarks(photograph):
    aligner = FaceAligner()
    crop = aligner.align(photograph)
    assert_array_equal(crop, aligner.align(photograph, aligner.find_landmarks(photograph)))
    # the pupils are the dark spots where the template has the eyes
    for x, y in face_template("mtcnn5")[:2].round().astype(int):
        eye = crop[y - 2 : y + 3, x - 3 : x + 4]
        assert eye.min() < 0.5 * crop[30:34, 5:12].mean()


def test_colour_does_not_matter(photograph):
    assert_array_equal(FaceAligner().align(astronaut()), FaceAligner().align(photograph))
    colour = FaceAligner(color=True).align(astronaut())
    grey = np.array(Image.fromarray(colour).convert("L")).astype(int)
    assert np.abs(grey - FaceAligner().align(photograph)).max() <= 2


def test_a_large_photograph_is_reduced(photograph):
    large = resized(photograph, 4)
    aligner = FaceAligner(doublings=0, min_score=0.5)
    found = aligner.find_landmarks(large)
    assert_allclose((found + 0.5) / 4 - 0.5, LANDMARKS, atol=4)
    difference = aligner.align(large).astype(int) - aligner.align(photograph)
    assert np.abs(difference).mean() < 6


def test_small_faces_need_doubling(photograph):
    small = resized(photograph, 0.25)
    with pytest.raises(FaceNotFoundError, match=r"no face was found, .* doubled 1 times\. For sm"):
        FaceAligner(doublings=1).align(small)
    with pytest.raises(FaceNotFoundError, match=r"its eyes are 1\d\.\d pixels apart, less than"):
        FaceAligner(min_eye_distance=14).align(small)
    found = FaceAligner(min_eye_distance=5).find_landmarks(small)
    assert_allclose((found + 0.5) * 4 - 0.5, LANDMARKS, atol=6)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_turned_photographs(photograph, quarters):
    turned = np.rot90(photograph, quarters)[:, 30:]  # not square
    with pytest.raises(FaceNotFoundError, match=r"set turns=True"):
        FaceAligner(min_score=0.5).align(turned)
    aligner = FaceAligner(min_score=0.5, turns=True)
    difference = aligner.align(turned).astype(int) - aligner.align(photograph)
    assert np.abs(difference).mean() < 3


def test_upright_faces_come_before_turned_ones(photograph):
    scene = np.full((512, 700), 90, dtype=np.uint8)
    scene[:, :300] = photograph[:, 100:400]
    scene[:220, 400:620] = np.rot90(photograph[20:240, 120:340])
    found = FaceAligner(turns=True).find_landmarks(scene)
    assert_allclose(found, LANDMARKS - [100, 0], atol=4)


def test_several_faces(photograph):
    face = photograph[20:220, 120:340]
    large = resized(face, 1.5)
    scene = np.full((700, 1000), 90, dtype=np.uint8)
    scene[20:320, 20:350] = large
    scene[250:450, 390:610] = face
    scene[480:680, 760:980] = face
    with pytest.raises(
        FaceNotFoundError,
        match=r"there are 3 faces, 1\d\d, \d+, \d+ pixels wide.*several='best', 'largest'",
    ):
        FaceAligner().align(scene)
    nose = LANDMARKS[4] - [120, 20]
    largest = FaceAligner(several="largest").find_landmarks(scene)[4]
    assert_allclose(largest, 1.5 * nose + [20, 20], atol=6)
    central = FaceAligner(several="central").find_landmarks(scene)[4]
    assert_allclose(central, np.add(nose, [390, 250]), atol=5)


def test_equal_faces_are_told_apart_by_the_score():
    def face(x, width, score):
        return Face(np.zeros((5, 2)), np.array([x, 50.0]), width, score)

    faces = [face(10, 40, 0.5), face(89, 40, 1.5), face(60, 20, 0.1)]
    assert choose_face(faces, (101, 100), "best") is faces[1]
    assert choose_face(faces, (101, 100), "largest") is faces[1]
    assert choose_face(faces, (101, 100), "central") is faces[2]
    assert choose_face(faces[:2], (101, 100), "central") is faces[1]
    assert choose_face(faces[:1], (101, 100), "error") is faces[0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (60, 40), (400, 300)])
def test_no_face(photograph, shape):
    image = np.full(shape, 128, dtype=np.uint8)
    with pytest.raises(
        FaceNotFoundError, match=r"no face was found, .*2 times and the image turned"
    ):
        FaceAligner(turns=True).align(image)


def test_the_least_score(photograph):
    with pytest.raises(FaceNotFoundError, match="no face was found"):
        FaceAligner(min_score=3.0).align(photograph)
    FaceAligner(min_score=1.0).align(photograph)


def test_files_and_rows(photograph, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn right to show
    Image.fromarray(photograph).save(tmp_path / "a.png")
    Image.fromarray(np.rot90(photograph)).save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(photograph[:80]).save(tmp_path / "none.png")
    aligner = FaceAligner()
    upright, turned = aligner.fit_transform([tmp_path / "a.png", tmp_path / "turned.png"])
    assert_array_equal(upright, aligner.align(photograph))
    assert_array_equal(turned, upright)
    with pytest.raises(
        FaceNotFoundError, match=r"Row 1 of X \('.*none\.png'\): no face was found"
    ):
        aligner.transform([tmp_path / "a.png", tmp_path / "none.png"])


def test_threads_give_the_same(photograph):
    images = [photograph[:300, shift:] for shift in (0, 10, 20, 30)]
    expected = FaceAligner().transform(images)
    with ThreadPoolExecutor(4) as pool:
        assert_array_equal(list(pool.map(FaceAligner().align, images)), expected)
    assert pickle.loads(pickle.dumps(FaceAligner())).get_params() == FaceAligner().get_params()


def test_without_dlib(monkeypatch):
    monkeypatch.setattr(dlib_models, "_local", type("Empty", (), {})())
    monkeypatch.setitem(sys.modules, "dlib", None)  # importing it fails
    with pytest.raises(ImportError, match=r'Finding faces needs dlib.*pip install .*\[faces\]"'):
        FaceAligner().align(np.zeros((100, 100), dtype=np.uint8))


def test_without_the_weights(monkeypatch):
    monkeypatch.setattr(dlib_models, "_WEIGHTS", "no_such_package_of_weights")
    with pytest.raises(ImportError, match=r'a\.dat are not there.*pip install .*\[faces\]"'):
        dlib_models.model_path("a.dat")
