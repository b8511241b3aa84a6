"""The benchmark of coverage."""

import numpy as np
from click.testing import CliRunner
from PIL import Image

from benchmarks.coverage import main, measure, wine


def test_wine_is_covered():
    experiment = next(wine(seed=0))
    figures = measure(experiment, n_splits=3)
    assert figures.shape == (3, 3, 2)
    np.testing.assert_allclose(figures[..., 0].mean(axis=0), [0.8, 0.9, 0.95], atol=0.02)
    assert (np.diff(figures[..., 1], axis=1) > 0).all()


def test_the_table(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(100):
        age = int(rng.integers(1, 40))
        crop = rng.integers(0, 4 * age + 1, size=(60, 40), dtype=np.uint8)
        Image.fromarray(crop).save(tmp_path / f"{age}_0_0_{20170101000000000 + i}.png")
    result = CliRunner().invoke(
        main, ["--splits", "2", "--images", str(tmp_path)], catch_exceptions=False
    )
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0].startswith("| data | asked | covered |")
    names = [line.split(" | ")[0].strip("| ") for line in lines[2:]]
    assert names == [
        name
        for name in (
            "wine, exact",
            "wine, sliding intervals of 3 grades",
            "faces, exact",
            "faces, cells of 10 years",
        )
        for _ in range(3)
    ]
    assert all(len(line.split("|")) == 8 for line in lines)
