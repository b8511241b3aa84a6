"""The face embedder of dlib, on a face that comes with scikit-image."""

import shutil

import numpy as np
import pytest
from skimage.data import astronaut

from vilma.features import DeepFeatures, FaceNotFoundError
from vilma.features.alignment.dlib_models import model_path
from vilma.features.deep import dlib_face

dlib = pytest.importorskip("dlib")
try:
    WEIGHTS = model_path("dlib_face_recognition_resnet_model_v1.dat")
except ImportError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.fixture(scope="module")
def face():
    return np.ascontiguousarray(astronaut()[20:240, 120:340])


@pytest.fixture(scope="module")
def by_hand(face):
    rectangle = dlib.get_frontal_face_detector()(face)[0]
    landmarks = dlib.shape_predictor(model_path("shape_predictor_5_face_landmarks.dat"))(
        face, rectangle
    )
    network = dlib.face_recognition_model_v1(WEIGHTS)
    return np.array(network.compute_face_descriptor(face, landmarks))


def test_same_person_as_by_hand(face, by_hand):
    rows = DeepFeatures("dlib").fit_transform([face])
    assert rows.shape == (1, 128)
    # Landmarks are found in grey there, which moves them by a pixel at most. Distances under 0.6
    # are of one person.
    assert np.linalg.norm(rows[0] - by_hand) < 0.1


def test_modes(face):
    rows = {
        mode: DeepFeatures("dlib", preprocessing=mode).transform([face])[0]
        for mode in ("detect", "whole", "detect_or_whole")
    }
    np.testing.assert_array_equal(rows["detect"], rows["detect_or_whole"])
    assert np.linalg.norm(rows["detect"] - rows["whole"]) > 0
    identities = {DeepFeatures("dlib", preprocessing=mode).model_id_ for mode in rows}
    assert len(identities) == 3
    assert DeepFeatures("dlib").model_id_ == DeepFeatures("dlib", preprocessing="detect").model_id_


def test_identity_is_that_of_the_weights(monkeypatch, tmp_path):
    before = DeepFeatures("dlib").model_id_
    assert before.startswith("dlib:detect:")
    monkeypatch.setattr(dlib_face, "model_path", lambda name: tmp_path / name)
    for name in (dlib_face._NETWORK, dlib_face._LANDMARKS):
        shutil.copy(model_path(name), tmp_path)
    assert DeepFeatures("dlib").model_id_ == before
    with open(tmp_path / dlib_face._LANDMARKS, "ab") as file:
        file.write(b"0")
    assert DeepFeatures("dlib").model_id_ != before


def test_image_without_a_face(face):
    blank = np.full((90, 80), 128, np.uint8)
    with pytest.raises(FaceNotFoundError, match=r"X\[1\]: no face found in an image of 80 x 90"):
        DeepFeatures("dlib").transform([face, blank])
    whole = DeepFeatures("dlib", preprocessing="whole").transform([blank])
    either = DeepFeatures("dlib", preprocessing="detect_or_whole").transform([face, blank])
    np.testing.assert_array_equal(either[1], whole[0])


def test_largest_of_several_faces(face):
    small = face[::2, ::2]
    both = np.zeros((400, 400, 3), np.uint8)
    both[:110, 280:390] = small
    both[150:370, 20:240] = face
    rows = DeepFeatures("dlib").transform([both, face])
    assert np.linalg.norm(rows[0] - rows[1]) < 0.1


def test_order_batches_and_threads_do_not_matter(face):
    images = [face, face[:, ::-1], face[5:, 5:], face[:-5]]
    rows = DeepFeatures("dlib").transform(images)
    features = DeepFeatures("dlib", batch_size=2, n_jobs=3)
    np.testing.assert_array_equal(features.transform(images[::-1]), rows[::-1])


def test_cache(face, tmp_path):
    features = DeepFeatures("dlib", cache_dir=tmp_path)
    rows = features.transform([face, face])
    np.testing.assert_array_equal(features.transform([face]), rows[:1])
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3, 3)])
def test_tiny_images_have_no_face(size):
    with pytest.raises(FaceNotFoundError, match="no face found"):
        DeepFeatures("dlib").transform([np.zeros(size, np.uint8)])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"preprocessing": "crop"}, "preprocessing of 'dlib' must be one of 'detect', 'whole'"),
        ({"preprocessing": np.mean}, "preprocessing of 'dlib' must be one of"),
        ({"device": "cuda"}, "model='dlib' chooses its device and precision itself"),
        ({"dtype": "float16"}, "model='dlib' chooses its device and precision itself"),
        ({"identity": "mine"}, "model='dlib' has its own identity"),
    ],
)
def test_bad_parameters(parameters, message, face):
    with pytest.raises(ValueError, match=message):
        DeepFeatures("dlib", **parameters).fit([face])


def test_weights_that_are_not_installed(monkeypatch, face):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r'pip install .*\[faces\]"'):
        DeepFeatures("dlib").fit([face])
