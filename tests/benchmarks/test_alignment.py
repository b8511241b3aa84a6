"""The benchmark of alignment, on photographs of scikit-image."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage.data import astronaut

from benchmarks import alignment
from vilma.features import canonical_crop, read_image
from vilma.features.alignment import dlib_models


@pytest.fixture
def folder(tmp_path):
    """Six photographs with a face, in several places, and one without."""
    pytest.importorskip("dlib")
    try:
        dlib_models.model_path("shape_predictor_5_face_landmarks.dat")
    except ImportError as error:
        pytest.skip(str(error))
    photograph = astronaut()
    lines = ["file,age"]
    for number in range(6):
        face = photograph[:240, 90 + 5 * number : 340 + 5 * number]
        Image.fromarray(face).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{20 + number % 3}")
    Image.fromarray(np.zeros((240, 250), dtype=np.uint8)).save(tmp_path / "6.png")
    (tmp_path / "labels.csv").write_text("\n".join([*lines, "6.png,22"]) + "\n")
    return tmp_path


def test_crops(folder):
    paths = [folder / f"{number}.png" for number in range(7)]
    crops = alignment.make_crops(paths, (50, 20, 210, 240))
    assert crops.found.tolist() == [True] * 6 + [False]
    boxed = crops.images["fixed box"]
    assert boxed.shape == (7, 60, 40)
    assert (boxed[3] == canonical_crop(read_image(paths[3]), box=(50, 20, 210, 240))).all()
    aligned = crops.images["aligned, similarity"]
    assert (aligned[6] == boxed[6]).all()
    # the photographs are shifted, the aligned crops are not
    moved = np.abs(boxed[0].astype(int) - boxed[5]).mean()
    assert np.abs(aligned[0].astype(int) - aligned[5]).mean() < moved / 3


def test_table(folder, monkeypatch):
    monkeypatch.setattr(alignment, "ALPHAS", (0.3,))
    options = ["--images", folder, "--labels", folder / "labels.csv", "--folds", 2]
    result = CliRunner().invoke(alignment.main, list(map(str, options)))
    assert result.exit_code == 0, result.output
    assert "6 of 7 faces found (85.71%)" in result.stdout
    rows = [line for line in result.stdout.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == [
        "| crop",
        "| fixed box",
        "| aligned, similarity",
        "| aligned, affine",
    ]
    assert rows[1].endswith("| +0.000 ± 0.000 |")
