"""The page of `vilma evaluate --report`."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from vilma.cli import main
from vilma.cli._feature_store import FeatureStore
from vilma.cli._features import write_features

pytest.importorskip("matplotlib")


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


class Page(HTMLParser):
    """Collects headings, sources of pictures, and whatever a browser would load."""

    def __init__(self, text):
        super().__init__()
        self.headings, self.pictures, self.others, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        for name, value in attrs:
            if name == "src":
                self.pictures.append(value)
            elif name in ("href", "srcset", "data"):
                self.others.append(value)

    def handle_endtag(self, tag):
        if tag in self.open:
            self.open.remove(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


@pytest.fixture
def survey(tmp_path):
    rng = np.random.default_rng(0)
    level = np.arange(120) % 4
    path = tmp_path / "survey.csv"
    lines = [
        f"{y + rng.normal(0, 0.6):.3f},{'ab<'[k % 3]},{y}" for k, y in enumerate(level.tolist())
    ]
    path.write_text("score,group,level\n" + "\n".join(lines) + "\n")
    return path


def test_a_report_of_a_table(survey, tmp_path):
    model, report = tmp_path / "m<1>.vilma", tmp_path / "report.html"
    options = ["--label", "level", "--estimator", "ordered-logit", "--alpha", 0.01, "--folds", 3]
    assert run("fit", survey, *options, "-o", model).exit_code == 0
    result = run("evaluate", model, survey, "--report", report)
    assert result.exit_code == 0, result.output
    text = report.read_text()
    page = Page(text)
    assert page.headings == [
        "Error",
        "Predicted and true labels",
        "Projection and thresholds",
        "Probabilities",
        "What the annotations are worth",
        "Certificate of the training",
        "Largest errors",
    ]
    assert page.others == []
    assert len(page.pictures) == 4
    assert all(each.startswith("data:image/png;base64,") for each in page.pictures)
    assert "<h1>m&lt;1&gt;.vilma</h1>" in text
    assert "120 of these 120 row(s) have the features of rows that were trained on" in text
    assert text.index("<td>this model<") < text.index("<td>median guess<")
    rows = re.findall(r"<tr><td>(\d+)</td>(.*?)(?=<tr>|</table>)", text[text.index("Largest") :])
    worst = [float(re.findall(r">(\d+)<", cells)[-1]) for _, cells in rows]
    assert len(worst) == 24
    assert worst == sorted(worst, reverse=True)


def test_exact_labels_are_counted_in_one_way(tmp_path):
    rng = np.random.default_rng(0)
    words = ["under 1", "1", "1-2", "3", "3+"]  # from 0 to 3, given by --classes
    data, model, report = (tmp_path / name for name in ("t.csv", "m.vilma", "r.html"))
    lines = [f"{k % 5 + rng.normal(0, 0.6):.3f},{words[k % 5]}" for k in range(100)]
    data.write_text("x,y\n" + "\n".join(lines) + "\n")
    options = ["--label", "y", "--classes", 0, 3, "--estimator", "ordered-logit", "--alpha", 0.1]
    result = run("fit", data, *options, "--folds", 0, "-o", model)
    assert result.exit_code == 0, result.output
    result = run("evaluate", model, data, "--report", report)
    assert result.exit_code == 0, result.output
    assert re.search(r"with an exact label +80\n", result.stdout)
    text = report.read_text()
    assert "100 row(s), 80% with an exact label" in text
    assert "80 % exact labels" in text


def test_a_report_of_images(tmp_path):
    rng = np.random.default_rng(0)
    levels = np.arange(60) % 3
    folder = tmp_path / "images"
    folder.mkdir()
    names = [f"{k:02d}.png" for k in range(60)]
    for name in names[1:]:
        Image.fromarray(rng.integers(0, 256, (300, 200, 3), dtype=np.uint8)).save(folder / name)
    X = (levels[:, np.newaxis] + rng.normal(0, 1.0, (60, 3))).astype(np.float32)
    features, labels = tmp_path / "features.npz", tmp_path / "labels.csv"
    write_features(features, FeatureStore(names, X, {"features": "embeddings"}))
    ends = [f"{max(y - 1, 0)},{y}" for y in levels.tolist()]
    labels.write_text(
        "file,lower,upper\n" + "".join(f"{n},{e}\n" for n, e in zip(names, ends, strict=True))
    )
    model, report = tmp_path / "model.vilma", tmp_path / "report.html"
    run("fit", features, labels, "-o", model, "--alpha", 0.1, "--folds", 0)
    result = run("evaluate", model, features, labels, "--report", report, "--images", folder)
    assert result.exit_code == 0, result.output
    page = Page(report.read_text())
    photographs = [each for each in page.pictures if each.startswith("data:image/jpeg")]
    assert 23 <= len(photographs) <= 24  # one image is not there, and may be among the worst
    assert "vilma fit --intervals" in report.read_text()
    assert report.stat().st_size < 5 * 2**20

    labels.write_text("file,label\n" + "".join(f"{n},{k % 4}\n" for k, n in enumerate(names)))
    result = run("evaluate", model, features, labels, "--report", report)
    assert result.exit_code == 1
    assert "is not on the scale of the model" in result.stderr
    assert "(15 such label(s)). Leave such rows out, or train a model" in result.stderr

    result = run("evaluate", model, features, labels, "--images", folder)
    assert result.exit_code == 2
    assert "give --report, too" in result.stderr
