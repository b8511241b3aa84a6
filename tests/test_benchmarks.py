from __future__ import annotations

import numpy as np
from click.testing import CliRunner
from PIL import Image

from benchmarks import faces, paper_size
from benchmarks.problems import N_PATTERNS, make_one_hot_problem


def test_one_hot_problem_is_what_it_says():
    problem = make_one_hot_problem(60, n_blocks=9, n_classes=12, width=4, exact_share=0.5)
    again = make_one_hot_problem(60, n_blocks=9, n_classes=12, width=4, exact_share=0.5)
    assert problem.X.shape == (60, 9 * N_PATTERNS)
    assert (problem.X != again.X).nnz == 0
    blocks = problem.X.indices.reshape(60, 9) // N_PATTERNS
    np.testing.assert_array_equal(blocks, np.tile(np.arange(9), (60, 1)))
    lower, upper = problem.intervals.T
    assert ((lower <= problem.labels) & (problem.labels <= upper)).all()
    widths = upper - lower + 1
    assert set(widths) == {1, 4}
    assert 10 < (widths == 1).sum() < 50


def test_paper_size_prints_times_and_certificates():
    options = ["--rows", "400", "--repeats", "1", "--path", "--alpha", "0.1"]
    for container in ("csr", "codes"):
        result = CliRunner().invoke(
            paper_size.main, [*options, "--container", container], catch_exceptions=False
        )
        assert result.exit_code == 0
        assert "product pair" in result.output
        assert "iterations" in result.output
        assert "peak memory" in result.output
        assert result.output.count("gaps 100: ") == 1


def test_faces_prints_a_row_per_annotation(tmp_path):
    rng = np.random.default_rng(0)
    lines = ["file,age"]
    for i in range(40):
        age = int(rng.integers(1, 25))
        pixels = rng.integers(0, 10 * age, (60, 40), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
        lines.append(f"{i}.png,{age}")
    (tmp_path / "ages.csv").write_text("\n".join(lines))
    result = CliRunner().invoke(
        faces.main,
        [str(tmp_path), str(tmp_path / "ages.csv"), "--seeds", "1"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    rows = [line for line in result.output.splitlines() if "±" in line]
    assert len(rows) == 5
    assert all(row.count("±") == 5 for row in rows)


def test_annotations_contain_the_label_and_are_cut_at_the_border():
    scale = np.arange(3, 20)
    truth = np.random.default_rng(0).integers(3, 20, 200)
    intervals = faces.annotate(truth, 5, 0.3, scale, seed=0)
    assert ((intervals[:, 0] <= truth) & (truth <= intervals[:, 1])).all()
    brackets = {tuple(row) for row in intervals[intervals[:, 0] < intervals[:, 1]].tolist()}
    assert brackets == {(3, 7), (8, 12), (13, 17), (18, 19)}
    exact = intervals[:, 0] == intervals[:, 1]
    assert 0.2 < exact.mean() < 0.4
