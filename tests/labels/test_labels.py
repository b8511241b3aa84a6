import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from vilma.labels import encode, read_labels, read_scale, scale_with_labels

NAN, INF = np.nan, np.inf
SIZES = ["small", "medium", "large"]


def assert_labels(labels, lower, upper, classes):
    assert labels.lower.dtype == np.int64
    assert labels.upper.dtype == np.int64
    assert labels.lower.tolist() == lower
    assert labels.upper.tolist() == upper
    assert labels.classes.tolist() == classes
    assert labels.n_classes == len(classes)
    assert labels.exact.tolist() == [low == up for low, up in zip(lower, upper, strict=True)]


@pytest.mark.parametrize(
    ("y", "codes", "classes"),
    [
        ([3, 1, 7, 1], [1, 0, 2, 0], [1, 3, 7]),
        (np.array([3, 1, 7, 1], dtype=np.uint8), [1, 0, 2, 0], [1, 3, 7]),
        (np.array([2.0, -1.0]), [1, 0], [-1.0, 2.0]),
        ([True, False], [1, 0], [False, True]),
        (["yes", "no", "yes"], [1, 0, 1], ["no", "yes"]),
        (np.array(["yes", "no"], dtype=object), [1, 0], ["no", "yes"]),
        (np.array([2, 1], dtype=object), [1, 0], [1, 2]),
        (pd.Series([5, 4], index=[7, 9]), [1, 0], [4, 5]),
        (pd.Series(["yes", "no"]), [1, 0], ["no", "yes"]),
        (pd.Series([5, 4], dtype="Int64"), [1, 0], [4, 5]),
        (pl.Series(["yes", "no"]), [1, 0], ["no", "yes"]),
        (range(3), [0, 1, 2], [0, 1, 2]),
        ((2, 1), [1, 0], [1, 2]),
        ([10**30, 1], [1, 0], [1.0, 1e30]),
    ],
)
def test_exact_labels(y, codes, classes):
    assert_labels(read_labels(y), codes, codes, classes)


def test_exact_labels_keep_their_dtype():
    for dtype in (np.int8, np.uint16, np.int64, np.float32, bool):
        assert read_labels(np.array([1, 0], dtype=dtype)).classes.dtype == dtype


def test_integers_beyond_double_precision_stay_distinct():
    big = 2**53
    assert_labels(read_labels([big + 1, big]), [1, 0], [1, 0], [big, big + 1])


@pytest.mark.parametrize(
    "y",
    [
        [(1, 2), (NAN, 1), (3, NAN), (NAN, NAN), (2, 2)],
        [(1, 2), (-INF, 1), (3, INF), (-INF, INF), (2, 2)],
        [[1, 2], [None, 1], [3, None], [None, None], [2, 2]],
        np.array([[1, 2], [NAN, 1], [3, INF], [-INF, NAN], [2, 2]], dtype=np.float32),
        np.asfortranarray([[1, 2], [NAN, 1], [3, NAN], [NAN, NAN], [2, 2]]),
        pd.DataFrame({"lower": [1, NAN, 3, NAN, 2], "upper": [2, 1, INF, INF, 2]}),
        pd.DataFrame(
            {"lower": [1, None, 3, None, 2], "upper": [2, 1, None, None, 2]}, dtype="Int64"
        ),
        pd.DataFrame(
            {"lower": pd.array([1, None, 3, None, 2], dtype="Int64"), "upper": [2, 1, INF, INF, 2]}
        ),
        pl.DataFrame({"lower": [1, None, 3, None, 2], "upper": [2, 1, None, None, 2]}),
    ],
)
@pytest.mark.filterwarnings("ignore:.*with an open end are taken as exact")
def test_numeric_intervals(y):
    assert_labels(read_labels(y), [0, 0, 2, 0, 1], [1, 0, 2, 2, 1], [1, 2, 3])


@pytest.mark.parametrize(
    "y",
    [
        [("small", "medium"), (None, "small"), ("large", NAN), (None, None)],
        np.array(
            [["small", "medium"], [None, "small"], ["large", NAN], [pd.NA, None]], dtype=object
        ),
        pd.DataFrame(
            {"lower": ["small", None, "large", None], "upper": ["medium", "small", None, None]}
        ),
        pl.DataFrame(
            {"lower": ["small", None, "large", None], "upper": ["medium", "small", None, None]}
        ),
    ],
)
def test_string_intervals(y):
    assert_labels(read_labels(y, SIZES), [0, 0, 2, 0], [1, 0, 2, 2], SIZES)


def test_two_columns_of_zeros_and_ones_are_intervals():
    y = np.array([[0, 1], [1, 1], [0, 0]])
    assert_labels(read_labels(y), [0, 1, 0], [1, 1, 0], [0, 1])


@pytest.mark.filterwarnings("ignore:.*with an open end are taken as exact")
def test_fractional_endpoints_make_a_scale():
    assert_labels(read_labels([(0.5, 1.5), (1.5, INF)]), [0, 1], [1, 1], [0.5, 1.5])


@pytest.mark.filterwarnings("ignore:.*with an open end are taken as exact")
def test_open_ends_do_not_add_labels():
    # "At most 5" means 5 where no smaller label is known of.
    assert_labels(read_labels([(-INF, 5), (5, 6)]), [0, 0], [0, 1], [5, 6])


def test_classes_place_labels_on_a_wider_scale():
    assert_labels(read_labels([2, 2], classes=[1, 2, 3]), [1, 1], [1, 1], [1, 2, 3])
    y = [(2, INF), (NAN, 2)]
    assert_labels(read_labels(y, classes=[1, 2, 3]), [1, 0], [2, 1], [1, 2, 3])
    assert_labels(read_labels([0.5, 1], classes=[0.5, 1]), [0, 1], [0, 1], [0.5, 1])
    assert_labels(read_labels(["large", "small"], SIZES), [2, 0], [2, 0], SIZES)


def test_ordered_categories_are_the_scale():
    column = pd.Categorical(["large", "small", "medium"], SIZES, ordered=True)
    assert_labels(read_labels(pd.Series(column)), [2, 0, 1], [2, 0, 1], SIZES)
    frame = pd.DataFrame(
        {
            "lower": pd.Categorical(["small", None], SIZES, ordered=True),
            "upper": pd.Categorical(["medium", "medium"], SIZES, ordered=True),
        }
    )
    assert_labels(read_labels(frame), [0, 0], [1, 1], SIZES)
    # Unordered categories, and columns that disagree, say nothing about the order.
    unordered = pd.Series(pd.Categorical(["large", "small"], ["small", "large"]))
    with pytest.warns(UserWarning, match="order of the alphabet"):
        assert read_labels(unordered).classes.tolist() == ["large", "small"]
    frame["upper"] = pd.Categorical(["medium", "medium"], SIZES[::-1], ordered=True)
    with pytest.raises(ValueError, match="Intervals of strings need `classes`"):
        read_labels(frame)


def test_a_column_vector_is_raveled_with_a_warning():
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        labels = read_labels(np.array([[1], [2]]))
    assert_labels(labels, [0, 1], [0, 1], [1, 2])


@pytest.mark.filterwarnings("ignore:.*with an open end are taken as exact")
def test_the_input_is_left_alone():
    y = np.array([[1.0, 2.0], [NAN, 1.0]])
    before = y.copy()
    y.flags.writeable = False
    read_labels(y)
    np.testing.assert_array_equal(y, before)


@pytest.mark.filterwarnings("ignore:.*with an open end are taken as exact")
def test_one_class():
    message = "number of classes has to be greater than one; got 1 class, 1"
    for y in ([1, 1, 1], [(1, 1), (NAN, 1), (1, INF)]):
        with pytest.raises(ValueError, match=message):
            read_labels(y)
        zeros = [0] * len(y)
        assert_labels(read_labels(y, allow_single_class=True), zeros, zeros, [1])
    assert_labels(read_labels([4], classes=[4], allow_single_class=True), [0], [0], [4])


@pytest.mark.parametrize(
    ("y", "error", "message"),
    [
        (None, ValueError, "requires y to be passed, but the target y is None"),
        ("abc", ValueError, "Expected array-like (array or non-string sequence), got 'abc'"),
        (3, ValueError, "Expected array-like (array or non-string sequence), got 3"),
        ({1: 2}, ValueError, "Expected array-like (array or non-string sequence), got {1: 2}"),
        ([], ValueError, "Found array with 0 sample(s) (shape=(0,)) for y"),
        (np.ones((0, 2)), ValueError, "Found array with 0 sample(s) (shape=(0, 2)) for y"),
        (np.ones((4, 3)), ValueError, "(n_samples, 2) of intervals [lower, upper], got an array"),
        (np.ones((4, 3)), ValueError, "of shape (4, 3) instead"),
        (np.ones((4, 2, 1)), ValueError, "of shape (4, 2, 1) instead"),
        ([[1, 2], [3]], ValueError, "The rows of y differ in length"),
        ([0.5, 1.0], ValueError, "Unknown label type: continuous. Labels are the steps"),
        ([1.0, 2.5], ValueError, "row 1 of y is 2.5. Pass the scale as `classes`"),
        ([1, NAN], ValueError, "Input y contains NaN. The first one is in row 1"),
        ([1, None], ValueError, "Input y contains NaN. The first one is in row 1"),
        (["a", None], ValueError, "Input y contains NaN. The first one is in row 1"),
        (
            [1, 2, INF],
            ValueError,
            "Input y contains infinity or a value too large for dtype('float64'). The first one "
            "is in row 2",
        ),
        ([1, -INF], ValueError, "Input y contains infinity"),
        ([1, "a"], TypeError, "row 1 has a string, row 0 has 1 of type int"),
        ([("a", "b"), ("a", 2.5)], TypeError, "row 0 has a string, row 1 has 2.5 of type float"),
        ([1, {2}], TypeError, "y has an entry of type set in row 1; labels must be numbers"),
        ([(1, 2), (1, b"2")], TypeError, "y has an entry of type bytes in row 1"),
        (np.array([b"a"]), TypeError, "y has dtype |S1; labels must be numbers"),
        (np.array(["2020"], dtype="M8[Y]"), TypeError, "y has dtype datetime64[Y]"),
        ([1j, 2], ValueError, "Complex data not supported: y holds complex numbers"),
        (np.array([1j]), ValueError, "Complex data not supported: y has dtype complex128"),
        (sparse.csr_array([[1, 2]]), TypeError, "y is a sparse csr_array"),
        ([("a", "b")], ValueError, "Intervals of strings need `classes`"),
        ([(1, 2), (3, 2), (9, 1)], ValueError, "above the upper end in row 1: [3, 2]"),
        ([(1, 2), (INF, 2)], ValueError, "y has +inf as the lower end of row 1"),
        ([(1, 2), (1, 2), (1, -INF)], ValueError, "y has -inf as the upper end of row 2"),
        ([(NAN, NAN), (None, INF)], ValueError, "each of its 2 annotations is open at both ends"),
        ([(1, 2), (NAN, 2), (1, INF)], ValueError, "covers the whole scale [1.0, 2.0]"),
    ],
)
def test_bad_labels(y, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read_labels(y)


@pytest.mark.parametrize(
    ("y", "classes", "error", "message"),
    [
        ([1, 5, 6], [1, 2], ValueError, "label 5 in row 1, which is not in classes [1, 2]"),
        ([99], range(1, 56), ValueError, "in classes [1, 2, 3, 4, ..., 54, 55]"),
        ([(1, 2), (1, 7)], [1, 2], ValueError, "label 7 in row 1"),
        (["a", "x"], ["b", "a"], ValueError, "label 'x' in row 1, which is not in classes"),
        (np.array([["a", "nan"]]), ["a", "b"], ValueError, "To leave an end open, put None"),
        ([("c", "a")], ["a", "b", "c"], ValueError, "in row 0: ['c', 'a']"),
        ([1, 2], ["a", "b"], TypeError, "y holds numbers but classes holds strings: 1 cannot be"),
        (["a"], [1, 2], TypeError, "y holds strings but classes holds numbers: 'a' cannot be"),
        ([(NAN, 3), (1, NAN)], [1, 2, 3], ValueError, "covers the whole scale [1, 2, 3]"),
        ([(None, None)], SIZES, ValueError, "covers the whole scale"),
        ([1], [2, 1], ValueError, "entry 0 is 2 and entry 1 is 1"),
        ([1], [1, 2, 2], ValueError, "entry 1 is 2 and entry 2 is 2"),
        ([1], [1], ValueError, "at least 2 labels, got 1 class: [1]"),
        ([1], [], ValueError, "0 sample(s) (shape=(0,)) for classes"),
        ([1], [[1, 2]], ValueError, "1d sequence of labels in scale order, got an array of shape"),
        ([1], 5, ValueError, "Expected array-like (array or non-string sequence), got 5"),
        ([1], {1, 2}, TypeError, "classes is a set, which has no order"),
        ([1], [1, NAN], ValueError, "Input classes contains NaN"),
        ([1], [1, INF], ValueError, "Input classes contains infinity"),
        ([1], [1, "a"], TypeError, "classes mixes labels"),
        (["a"], ["a", "b", "c", "b"], ValueError, "repeats the label 'b', at the entries [1, 3]"),
    ],
)
def test_bad_scales(y, classes, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read_labels(y, classes)


def test_encode_finds_positions_and_skips():
    scale = read_scale(SIZES)
    values = np.array(["large", "", "small"])
    skip = np.array([False, True, False])
    assert encode(values, scale, skip=skip).tolist() == [2, 0, 0]
    assert encode(values, scale, skip=np.ones(3, dtype=bool)).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="y_pred has the label '' in row 1"):
        encode(values, scale, name="y_pred")


@settings(derandomize=True, deadline=None, max_examples=100)
@given(data=st.data())
def test_codes_stand_for_the_endpoints(data):
    scale = sorted(data.draw(st.sets(st.integers(-50, 50), min_size=2, max_size=12)))
    last = len(scale) - 1
    pairs = data.draw(st.lists(st.tuples(*[st.integers(0, last)] * 2), min_size=1, max_size=20))
    lower, upper = np.sort(pairs, axis=1).T
    y = np.array(scale, dtype=float)[np.stack([lower, upper], axis=1)]
    open_ends = np.stack([lower == 0, upper == last], axis=1)
    open_ends &= data.draw(st.booleans())
    if np.all((lower == 0) & (upper == last)):
        with pytest.raises(ValueError, match="Nothing can be learned"):
            read_labels(np.where(open_ends, NAN, y), scale)
        return
    for written in (y, np.where(open_ends, NAN, y), np.where(open_ends, [-INF, INF], y)):
        assert_labels(read_labels(written, scale), lower.tolist(), upper.tolist(), scale)


def intervals(*pairs, closed="right"):
    return pd.arrays.IntervalArray.from_tuples(pairs, closed=closed)


@pytest.mark.parametrize(
    ("closed", "first", "last"),
    [("right", 21, 30), ("left", 20, 29), ("both", 20, 30), ("neither", 21, 29)],
)
def test_closed_sides_of_interval_objects(closed, first, last):
    y = intervals((20, 30), (30, 40), closed=closed)
    step = 10
    expected = [first, first + step, last, last + step]
    labels = read_labels(y)
    got = labels.classes[np.concatenate([labels.lower, labels.upper])]
    assert got.tolist() == expected
    assert labels.classes.dtype == np.int64
    for form in (pd.IntervalIndex(y), pd.Series(y), list(y), np.array(list(y), dtype=object)):
        assert read_labels(form).lower.tolist() == labels.lower.tolist()


def test_labels_inside_of_intervals_on_a_scale():
    y = intervals((0, 5), (4.5, 20), (20, INF), (-INF, 0), (0, 1e9), (0, 1))
    y = pd.Series(y).shift(1)  # a missing interval says nothing
    assert_labels(
        read_labels(y, classes=[0, 5, 7, 20, 30]),
        [0, 1, 1, 4, 0, 1],
        [4, 1, 3, 4, 0, 4],
        [0, 5, 7, 20, 30],
    )


def test_fractional_closed_intervals_are_their_ends():
    y = intervals((0.5, 1.5), (1.5, 2.5), closed="both")
    assert_labels(read_labels(y), [0, 1], [1, 2], [0.5, 1.5, 2.5])


def test_polars_enum_and_structured_arrays():
    assert_labels(
        read_labels(pl.Series(["large", "small"], dtype=pl.Enum(SIZES))), [2, 0], [2, 0], SIZES
    )
    pairs = np.array([(1, 2), (2, 2)], dtype=[("lower", int), ("upper", int)])
    assert_labels(read_labels(pairs), [0, 1], [1, 1], [1, 2])


def test_ordered_numbers_that_disagree():
    frame = pd.DataFrame(
        {
            "lower": pd.Categorical([1, 1], [1, 2], ordered=True),
            "upper": pd.Categorical([1, 2], [1, 2, 3], ordered=True),
        }
    )
    with pytest.raises(ValueError, match=r"disagree: \[1, 2\] and \[1, 2, 3\]\. Intervals of num"):
        read_labels(frame)
    assert_labels(read_labels(frame, classes=[1, 2, 3]), [0, 0], [0, 1], [1, 2, 3])


@pytest.mark.parametrize(
    ("y", "classes", "error", "message"),
    [
        (
            intervals((0, 1), (2.5, 3)),
            None,
            ValueError,
            "y has the interval (0, 1] in row 0, which",
        ),
        (
            intervals((0, 1), (2.5, 3)),
            None,
            ValueError,
            "and (2.5, 3] in row 1, so labels are not",
        ),
        (
            intervals((0, 5), (5, 9)),
            [1, 2, 10],
            ValueError,
            "y has the interval (5, 9] in row 1, which contains none of the labels [1, 2, 10]",
        ),
        (
            intervals((0, 5), (5, 6), closed="neither"),
            None,
            ValueError,
            "y has the interval (5, 6) in row 1, which contains none of the whole numbers",
        ),
        (intervals((0, 5)), SIZES, TypeError, "intervals of numbers but classes holds strings"),
        (
            [pd.Interval(0, 5), 3],
            None,
            TypeError,
            "row 1 has 3 of type int. Write an exact label v as Interval(v, v, 'both')",
        ),
        (
            pd.interval_range(pd.Timestamp("2020"), periods=2),
            None,
            TypeError,
            "in row 0, whose ends are of type Timestamp; expected numbers",
        ),
        (
            np.array([(1, 2, 3)], dtype=[("a", int), ("b", int), ("c", int)]),
            None,
            TypeError,
            "y has dtype [('a'",
        ),
    ],
)
def test_bad_interval_objects(y, classes, error, message):
    with pytest.raises(error, match=re.escape(message)):
        read_labels(y, classes)


def test_order_of_the_alphabet_is_said_aloud():
    with pytest.warns(UserWarning, match=r"order of the alphabet: \['large', 'medium', 'small'\]"):
        read_labels(["small", "medium", "large"])
    with pytest.warns(UserWarning, match=r"order of the alphabet: \['large', 'small'\]"):
        read_labels(["small", "large"])
    assert read_labels(["small", "medium", "large"], SIZES).classes.tolist() == SIZES


def test_scale_with_labels_that_it_lacks():
    assert scale_with_labels([4, 2, 9], np.array([2, 4])).tolist() == [2, 4, 9]
    assert scale_with_labels([(0, 2), (3, NAN)], np.array([2, 4])).tolist() == [0, 2, 3, 4]
    scale = scale_with_labels(["huge", "small"], np.array(SIZES))
    assert scale.tolist() == [*SIZES, "huge"]
    assert scale_with_labels([("small", "large")], np.array(SIZES)).tolist() == SIZES


def test_open_ends_that_leave_one_label_are_said_aloud():
    y = [(1, 2), (2, 3), (3, None)]
    with pytest.warns(UserWarning, match=r"1 annotation\(s\) with an open end .* \(row 2 of y"):
        read_labels(y)
    assert read_labels(y, range(1, 6)).upper.tolist() == [1, 2, 4]
