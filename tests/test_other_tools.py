"""The lines of the how-to page for other tools, where these are installed."""

import re
from pathlib import Path

import numpy as np
import pytest

from vilma import VILMA

PAGE = Path(__file__).resolve().parents[1] / "docs" / "howto" / "other_tools.rst"
BLOCKS = re.findall(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)", PAGE.read_text())


@pytest.mark.filterwarnings("ignore")  # those of the other tools
@pytest.mark.parametrize(
    ("needs", "result"),
    [
        (["onnxruntime", "skl2onnx"], "projection"),
        (["skops"], "model"),
        (["mlflow", "skops"], "model"),
        (["shap"], "explanation"),
    ],
    ids=["onnx", "skops", "mlflow", "shap"],
)
def test_the_lines_work(needs, result, tmp_path, monkeypatch):
    for name in needs:
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = VILMA().fit(X, np.digitize(X @ [1.0, 0.5, 0.0], [-1, 0, 1]))
    (block,) = [block for block in BLOCKS if re.search(rf"(import|from) {needs[0]}", block)]
    names = {"np": np, "X": X, "model": model}
    exec("\n".join(line[3:] for line in block.splitlines()), names)
    if result == "model":
        assert names["model"] is not model
        np.testing.assert_array_equal(names["model"].predict(X), model.predict(X))
    elif result == "projection":
        np.testing.assert_allclose(names["projection"][:, 0], model.project(X), atol=1e-5)
    else:
        explained = names["explanation"].values.sum(axis=1) + names["explanation"].base_values
        np.testing.assert_allclose(explained, model.project(X[:5]), atol=1e-9)
