"""Pictures of labels: errors by label, confusion, what annotations support."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline

from vilma import IISVOR_IMC
from vilma.displays import AnnotationsDisplay, ErrorByLabelDisplay, OrdinalConfusionDisplay
from vilma.metrics import error_by_label, interval_insensitive_loss

matplotlib.use("Agg")
from matplotlib import pyplot as plt

SIZES = ["small", "medium", "large"]


def legend_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def bars(ax):
    """Heights of the bars by their middles."""
    return {round(bar.get_x() + bar.get_width() / 2, 6): bar.get_height() for bar in ax.patches}


# Errors by label


def test_errors_and_samples_by_hand():
    y_true, y_pred = [1, 1, 2, 5], [1, 2, 4, 5]
    display = ErrorByLabelDisplay.from_predictions(y_true, y_pred, classes=range(1, 6))
    assert bars(display.ax_) == {0: 0.5, 1: 2.0, 4: 0.0}
    assert bars(display.ax_counts_) == {0: 2, 1: 1, 4: 1}
    assert [text.get_text() for text in display.ax_counts_.texts] == ["2", "1", "1"]
    assert legend_of(display.ax_counts_) == ["mean over samples 0.75", "mean over labels 0.833"]
    heights = [line.get_ydata()[0] for line in display.ax_.lines]
    assert heights == pytest.approx([0.75, 2.5 / 3])
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == list("12345")
    display.figure_.canvas.draw()
    # The strip of samples lies above the errors and inside the figure.
    upper = display.ax_counts_.get_window_extent()
    assert upper.y0 > display.ax_.get_window_extent().y1
    legend = display.ax_counts_.get_legend().get_window_extent()
    assert upper.y1 <= legend.y0
    assert legend.y1 <= display.figure_.bbox.y1


def test_mean_over_samples_is_the_loss_on_intervals(problem, model):
    _, ax = plt.subplots()
    weight = np.random.default_rng(0).random(150)
    display = ErrorByLabelDisplay.from_estimator(
        model, problem.data, problem.target, sample_weight=weight, ax=ax
    )
    assert display.ax_ is ax
    predicted = model.predict(problem.data)
    loss = interval_insensitive_loss(problem.target, predicted, sample_weight=weight)
    assert ax.lines[0].get_ydata()[0] == pytest.approx(loss)
    expected = error_by_label(
        problem.target, predicted, classes=problem.classes, sample_weight=weight
    )
    np.testing.assert_allclose(list(bars(ax).values()), expected.errors)
    assert display.classes.tolist() == problem.classes.tolist()


def test_errors_of_strings_and_without_a_scale():
    display = ErrorByLabelDisplay.from_predictions(
        ["large", "small"], ["small", "small"], classes=SIZES
    )
    assert bars(display.ax_) == {0: 0, 2: 2}
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == SIZES
    assert bars(ErrorByLabelDisplay.from_predictions([10, 30], [10, 20]).ax_) == {0: 0, 1: 10}


def test_large_means_and_long_names_are_readable():
    steps = np.arange(40) * 1000
    display = ErrorByLabelDisplay.from_predictions(steps, steps[::-1], classes=steps)
    assert legend_of(display.ax_counts_)[0] == "mean over samples 20,000"
    names = [f"rather long {k}" for k in range(9)]
    display = ErrorByLabelDisplay.from_predictions(names, names, classes=names)
    assert {tick.get_rotation() for tick in display.ax_.get_xticklabels()} == {35}


def test_an_unknown_label_is_named(problem, model):
    with pytest.raises(ValueError, match="y_true has the label 9 in row 1, which is not in cla"):
        ErrorByLabelDisplay.from_estimator(model, problem.data[:2], [1, 9])
    display = ErrorByLabelDisplay.from_estimator(
        model, problem.data[:2], [1, 9], classes=range(1, 10)
    )
    assert list(bars(display.ax_)) == [0, 8]


# Confusion


def test_confusion_by_hand():
    y_true, y_pred = ["small", "large", "large"], ["medium", "large", "large"]
    display = OrdinalConfusionDisplay.from_predictions(y_true, y_pred, classes=SIZES)
    assert display.confusion_matrix.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 2]]
    shares = display.im_.get_array()
    assert shares.mask.tolist() == [[False] * 3, [True] * 3, [False] * 3]
    assert shares[[0, 2]].tolist() == [[0, 1, 0], [0, 0, 1]]
    texts = {text.get_position(): text.get_text() for text in display.ax_.texts}
    assert texts == {(1, 0): "1", (2, 2): "2"}  # column, row; nothing in empty cells
    assert len(display.ax_.patches) == 3  # frames of the diagonal
    assert [tick.get_text() for tick in display.ax_.get_xticklabels()] == SIZES
    assert len(display.figure_.axes) == 1


def test_distance_from_the_diagonal_is_the_loss(problem, model):
    weight = np.random.default_rng(0).random(150)
    display = OrdinalConfusionDisplay.from_estimator(
        model, problem.data, problem.target, sample_weight=weight
    )
    matrix, naive = display.confusion_matrix, np.zeros((6, 6))
    predicted = model.predict(problem.data)
    for (low, up), at, w in zip(problem.target, predicted, weight, strict=True):
        naive[min(max(at, low), up) - 1, at - 1] += w
    np.testing.assert_allclose(matrix, naive)
    rows, columns = np.indices(matrix.shape)
    loss = interval_insensitive_loss(problem.target, predicted, sample_weight=weight)
    assert (np.abs(rows - columns) * matrix).sum() / matrix.sum() == pytest.approx(loss)
    largest = np.unravel_index(matrix.argmax(), matrix.shape)
    assert f"{matrix.max():,.1f}" in {
        text.get_text() for text in display.ax_.texts if text.get_position() == largest[::-1]
    }


def test_long_scales_get_a_diagonal_and_a_colour_bar():
    rng = np.random.default_rng(0)
    y = rng.integers(1, 111, 500)
    y_pred = np.clip(y + rng.integers(-5, 6, 500), 1, 110)
    _, ax = plt.subplots()
    display = OrdinalConfusionDisplay.from_predictions(y, y_pred, classes=range(1, 111), ax=ax)
    assert display.ax_ is ax
    assert display.im_.get_array().shape == (110, 110)
    assert not ax.texts
    assert len(ax.lines) == 1
    assert len(display.figure_.axes) == 2
    assert display.figure_.axes[1].get_ylabel() == "share of the true label"
    assert ax.get_ylim() == (109.5, -0.5)
    expected = [str(age) for age in range(10, 111, 10)]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == expected
    values = display.plot(include_values=True)
    assert len(values.ax_.texts) == np.count_nonzero(display.confusion_matrix)


def test_confusion_of_other_estimators_and_errors():
    X = np.zeros((4, 1))
    dummy = DummyClassifier().fit(X, [3, 3, 3, 5])
    display = OrdinalConfusionDisplay.from_estimator(dummy, X, [3, 5, 5, 3])
    assert display.classes.tolist() == [3, 5]
    assert display.confusion_matrix.tolist() == [[2, 0], [2, 0]]
    with pytest.raises(ValueError, match="y_true has the label 4 in row 0"):
        OrdinalConfusionDisplay.from_estimator(dummy, X, [4, 3, 3, 3])
    with pytest.raises(ValueError, match="Strings have no order by themselves: pass `classes`"):
        OrdinalConfusionDisplay.from_predictions(["a", "b"], ["a", "a"])


@pytest.mark.parametrize("display", [OrdinalConfusionDisplay, ErrorByLabelDisplay])
def test_the_scale_of_strings_is_that_of_the_estimator(display):
    X = np.arange(12.0).reshape(-1, 1)
    y = np.repeat(SIZES, 4)
    model = make_pipeline(IISVOR_IMC(classes=SIZES)).fit(X, y)
    assert display.from_estimator(model, X, y).classes.tolist() == SIZES
    stranger = DummyClassifier(strategy="constant", constant="small").fit(X, y)
    with pytest.raises(ValueError, match="Strings have no order by themselves: pass `classes`"):
        display.from_estimator(stranger, X, y)
    ordered = pd.Series(pd.Categorical(y, categories=SIZES, ordered=True))
    drawn = display.from_estimator(stranger, X, ordered)
    if display is OrdinalConfusionDisplay:
        assert drawn.confusion_matrix[:, 0].tolist() == [4, 4, 4]
    else:
        assert drawn.by_label.errors.tolist() == [0, 1, 2]


# Annotations


def test_support_by_hand():
    y = [(1, 3), (1, 3), (4, 4), (5, 6)]
    display = AnnotationsDisplay.from_labels(y, classes=range(1, 7))
    support, widths = display.ax_
    # Two end at 3 and one begins at 4; one ends at 4 and one begins at 5.
    assert {k: v for k, v in bars(support).items() if v in (3, 2)} == {2.5: 3, 3.5: 2}
    assert bars(widths) == {1: 1, 2: 1, 3: 2}
    assert [text.get_text() for text in support.texts] == ["1 to 3", "5 to 6"]
    middles = [text.get_position()[0] for text in support.texts]
    assert middles == [1.0, 4.5]
    assert widths.get_title() == "4 annotations, 25 % exact"
    assert set(legend_of(support)) == {"well supported", "never told apart"}
    assert display.figure_ is support.figure


def test_thresholds_of_little_support_are_pale():
    cells = [(1, 5)] * 300 + [(6, 10)] * 300
    display = AnnotationsDisplay.from_labels([*cells, (2, 2), (8, 8)], classes=range(1, 11))
    ax = display.ax_[0]
    assert display.supported.tolist() == [k == 4 for k in range(9)]
    assert set(legend_of(ax)) == {"well supported", "little support", "never told apart"}
    assert ax.get_yscale() == "symlog"  # from one annotation to hundreds
    colors = {
        round(bar.get_x() + bar.get_width() / 2, 6): bar.get_facecolor()
        for bar in ax.patches
        if bar.get_width() == pytest.approx(0.8)
    }
    assert sorted(colors) == [0.5, 1.5, 4.5, 6.5, 7.5]
    assert colors[4.5] != colors[0.5] == colors[7.5]


def test_exact_labels_leave_nothing_open():
    display = AnnotationsDisplay.from_labels(pd.Categorical(SIZES, SIZES, ordered=True))
    support, widths = display.ax_
    assert legend_of(support) == ["well supported"]
    assert [tick.get_text() for tick in support.get_xticklabels()] == SIZES
    assert bars(widths) == {1: 3}
    assert support.get_yscale() == "linear"


def test_many_runs_are_shaded_without_names():
    y = [(k, k + 1) for k in range(0, 40, 2)]
    ax = AnnotationsDisplay.from_labels(y, classes=range(40)).ax_[0]
    assert not ax.texts
    assert set(legend_of(ax)) == {"well supported", "never told apart"}


def test_annotations_need_two_axes():
    _, axes = plt.subplots(1, 2)
    display = AnnotationsDisplay.from_labels([1, 2, 3], ax=axes)
    assert display.ax_.tolist() == axes.tolist()
    with pytest.raises(ValueError, match=r"draws 2 panels, but `ax` has 1\. Pass that many axes"):
        display.plot(axes[0])
    with pytest.raises(ValueError, match="Nothing can be learned from y"):
        AnnotationsDisplay.from_labels([(1, 3)], classes=[1, 2, 3])
