"""Labels that read like brackets, numbers, missing answers or codes for these."""

from __future__ import annotations

import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from vilma import IISVOR_IMC, VILMA, OrderedLogit
from vilma.intervals import annotation_report
from vilma.labels import read_labels
from vilma.labels.doubtful import like_brackets, missing_codes, order_of_strings

AGES = list(range(18, 91))


def fit(estimator, y):
    """Fit labels to their places."""
    return estimator.fit(np.arange(len(y))[:, None], y)


@pytest.mark.parametrize(
    ("labels", "codes"),
    [
        ([-9, 1, 2, 3, 4, 5], [-9]),
        ([-99, -98, 0, 1, 2], [-99, -98]),
        (
            [-5, -4, -3, -2, -1, *range(1, 11)],
            [-5, -4, -3, -2, -1],
        ),  # as in the World Values Survey
        ([-1, 1, 2, 3, 4, 5], [-1]),
        ([1, 2, 3, 4, 5, 9], [9]),
        ([1, 2, 3, 4, 5, 7, 8, 9], [7, 8, 9]),  # as in the European Social Survey
        ([*AGES, 99], [99]),
        ([*AGES, 997, 998, 999], [997, 998, 999]),
        ([-99, 0, 1, 2, 98, 99], [-99, 98, 99]),
        ([0.0, 0.5, 1.0, 999.0], [999.0]),
        # Codes by themselves, but levels of these scales:
        ([*range(1, 8), 99], [99]),
        ([*range(1, 8), 9], [9]),
        ([*range(1, 10), 998, 999], [998, 999]),
        ([*range(18, 96), 999], [999]),
        ([-99, *range(-3, 4)], [-99]),
        ([-99, *range(1, 10), 99], [-99, 99]),
        ([-9, *range(94)], [-9]),  # ages
        ([-99, 999, 1000, 1999, 2000, 4999], [-99]),  # ends of brackets
        # Levels like the others:
        (list(range(1, 10)), []),
        (list(range(100)), []),
        ([-2, -1, 0, 1, 2], []),
        ([-3, -2, -1, 1, 2, 3], []),
        ([1, 2, 3, 4, 5, 7], []),
        ([1, 2, 3, 4, 5, 6, 8], []),
        ([1, 2, 5, 10, 20, 50, 100], []),
        ([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95], []),
        ([*range(1, 94), 95, 96, 99], []),  # ages
        ([-5, *range(94)], []),
        ([-9, 0, 9, 18, 27], []),
        ([-9, -4, 3, 8], []),
        ([], []),
        ([1, 9], []),
        ([7, 8, 9], []),
        ([-9, 1, 2], []),  # too few others
    ],
)
def test_codes_of_missing_answers(labels, codes):
    assert missing_codes(np.array(labels)) == codes


def test_strings_are_no_codes():
    assert missing_codes(np.array(["-9", "1", "2", "3"])) == []


@pytest.mark.parametrize(
    "y",
    [
        [1, 2, 3, 4, -99, 999],
        [[1, 2], [3, 4], [-99, 2], [1, 999]],
        pd.Categorical([1, 2, 3, 4, -99, 999], ordered=True),
    ],
)
def test_codes_of_missing_answers_are_named(y):
    with pytest.warns(UserWarning, match=r"The scale ends in -99, 999, apart from all other"):
        labels = read_labels(y)
    assert labels.classes.tolist() == [-99, 1, 2, 3, 4, 999]  # labels like the others


def test_a_scale_that_is_given_is_meant():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_labels([1, 2, -9], classes=[-9, 1, 2, 3, 4])


@pytest.mark.parametrize(
    ("labels", "first"),
    [
        (["18-24", "25-34", "65+"], "18-24"),
        (["high", "low", "under 5"], "under 5"),
        (["(0, 10]", "(10, 20]"], "(0, 10]"),
        (["$10,000 - $14,999"], "$10,000 - $14,999"),
        (["1", "2", "10"], None),
        (["none", "some"], None),
        (["level 1", "level 2"], None),
        (["2020-01-01"], None),
    ],
)
def test_labels_like_brackets(labels, first):
    assert like_brackets(np.array(labels)) == first


@pytest.mark.parametrize(
    ("labels", "ordered"),
    [
        (["1", "10", "2"], ["1", "2", "10"]),
        (["-1", "-2", "3"], ["-2", "-1", "3"]),
        (["1.5", "10", "2"], ["1.5", "2", "10"]),
        (["10%", "5%"], ["5%", "10%"]),
        (["level 1", "level 10", "level 2"], ["level 1", "level 2", "level 10"]),
        (["18-24", "65+", "under 18"], ["under 18", "18-24", "65+"]),
        (["high", "low", "medium"], ["high", "low", "medium"]),
        (["1", "10", "none", "x"], ["1", "10", "none", "x"]),
        (["a10", "b2"], ["a10", "b2"]),
    ],
)
def test_order_of_the_numbers_in_strings(labels, ordered):
    assert order_of_strings(np.array(labels)) == ordered


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (["1", "2", "10"], "alphabet puts into the order ['1', '10', '2']. Make them numbers"),
        (
            ["level 2", "level 10", "level 3"],
            "'level 3']. If another is meant, pass their order as `classes`, such as ['level 2'",
        ),
        (["18-24", "25-34", "65+"], "'18-24', which reads like a bracket"),
        (["18-24", "under 18", "65+"], "Pass vilma.intervals.parse_brackets(y)"),
    ],
)
@pytest.mark.parametrize("form", [list, np.array, lambda y: pd.Series(y, dtype="string")])
def test_text_whose_order_is_not_that_of_the_alphabet_is_refused(form, y, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_labels(form(y))
    with pytest.raises(ValueError, match=re.escape(message)):
        VILMA().fit(np.arange(3.0).reshape(-1, 1), form(y))
    order = {label: place for place, label in enumerate(y)}
    labels = read_labels(form(y), classes=y)
    assert labels.lower.tolist() == [order[label] for label in y]


def test_numbers_as_strings_in_order_are_taken_with_a_warning():
    with pytest.warns(UserWarning, match="put into the order of the alphabet"):
        assert read_labels(["1", "3", "2"]).lower.tolist() == [0, 2, 1]


@pytest.mark.parametrize("use", [read_labels, annotation_report, lambda y: fit(OrderedLogit(), y)])
@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (["under 20", "65+"], r"reads like a bracket.*\['65\+', 'under 20'\]"),
        (["5-9", "10-14"], r"reads like a bracket.*\['10-14', '5-9'\]"),
        (["9", "10"], r"the order \['10', '9'\]\. Make them numbers.*such as \['9', '10'\]"),
        (
            ["level 2", "level 10"],
            r"pass their order as `classes`, such as \['level 2', 'level 10'\]",
        ),
    ],
)
def test_two_strings_with_numbers_are_refused_as_three_are(use, pair, message):
    with pytest.raises(ValueError, match=message):
        use(pair * 5)
    assert read_labels(pair, pair).lower.tolist() == [0, 1]


@pytest.mark.parametrize("estimator", [OrderedLogit(), VILMA(0.1)])
def test_the_alphabet_is_named_for_two_words(estimator):
    with pytest.warns(UserWarning, match=r"order of the alphabet: \['always', 'never'\]"):
        fit(estimator, ["never", "always"] * 5)
    with pytest.warns(UserWarning, match=r"\['agree', 'refused'\].*leave such rows out"):
        read_labels(["refused", "agree"])


@pytest.mark.parametrize(
    "words", [["no", "yes"], ["No", "Yes"], ["fair", "good"], ["mild", "moderate", "severe"]]
)
def test_words_that_the_alphabet_leaves_in_their_order_need_no_warning(words):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_labels(words[::-1]).classes.tolist() == words


@pytest.mark.parametrize(
    ("labels", "first"),
    [
        (["1", "2", "10"], "'10' below '2'"),
        (["18-24", "under 18", "65+"], "'65+' below 'under 18'"),
    ],
)
def test_categories_that_got_the_order_of_the_alphabet_are_named(labels, first):
    y = pd.Series(labels).astype("category").cat.as_ordered()
    with pytest.warns(UserWarning, match=re.escape(first)):
        read_labels(y)
    with pytest.warns(UserWarning, match=re.escape(first)):
        read_labels(labels, classes=np.unique(labels))
    for scale in (labels, labels[::-1], ["10", "2", "1"]):  # an order of their own, or reversed
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read_labels(scale, classes=scale)


@pytest.mark.parametrize(
    "words",
    [
        ["low", "medium", "high"],
        ["Never", "Rarely", "Sometimes", "Often", "Always"],
        ["poor", "fair", "good", "excellent"],
        ["none", "mild", "moderate", "severe"],
    ],
)
def test_words_that_got_the_order_of_the_alphabet_are_named(words):
    y = pd.Series(words).astype("category").cat.as_ordered()
    with pytest.warns(UserWarning, match=r"as the alphabet does, and their meaning does not"):
        read_labels(y)
    for scale in (words, words[::-1], ["A", "B", "C"], ["bad", "fair", "good"]):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read_labels(scale, classes=scale)


def test_missing_answers_among_strings_are_named():
    with pytest.warns(UserWarning, match=r'Among them "don\'t know" reads like a missing answer'):
        read_labels(["low", "don't know", "high"])


def test_text_in_place_of_numbers_says_what_to_do():
    with pytest.raises(TypeError, match=r"pass vilma\.intervals\.parse_brackets\(y\)"):
        read_labels(["20-29", "30-39"], classes=[20, 30])
    with pytest.raises(TypeError, match=r"convert them: numpy\.asarray\(y, dtype=float\)"):
        read_labels(["20", "30"], classes=[20, 30])
    with pytest.raises(ValueError, match="Ends that are numbers as strings have to be converted"):
        read_labels([["1", "2"], ["2", "10"]])


@pytest.mark.parametrize("kind", [tuple, list, np.array])
def test_a_column_of_pairs_is_two_columns(kind):
    pairs = [(1, 2), (2, 3), (3, 3), (2, None)]
    column = pd.Series([kind(pair) for pair in pairs])
    for form in (column, column.to_numpy()):
        found = read_labels(form, classes=[1, 2, 3])
        expected = read_labels(pairs, classes=[1, 2, 3])
        np.testing.assert_array_equal(found.lower, expected.lower)
        np.testing.assert_array_equal(found.upper, expected.upper)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(1, 2, 3), (2, 3, 4)], "row 0 is (1, 2, 3), row 1 is (2, 3, 4); expected"),
        ([(1, 2), None], "row 0 is (1, 2), row 1 is None; expected"),
        ([4, (1, 2)], "row 1 is (1, 2), row 0 is 4; expected"),
    ],
)
def test_rows_that_are_no_pairs_are_shown(rows, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        read_labels(pd.Series(rows))


def test_codes_in_place_of_numbers_with_gaps_are_explained():
    X = np.arange(8.0).reshape(-1, 1)
    with pytest.raises(ValueError, match="replaced them by positions among the sorted labels"):
        IISVOR_IMC(classes=[0, 1, 3, 9]).fit(X, [0, 1, 2, 3, 0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"not in classes \[0, 1, 3, 9\]\.$"):
        IISVOR_IMC(classes=[0, 1, 3, 9]).fit(X, [1, 3, 9, 4, 1, 3, 9, 3])


def test_ends_of_brackets_are_no_positions():
    brackets = np.array([[0, 9], [10, 19], [20, 29]] * 10)
    with pytest.raises(
        ValueError, match=r"the label 0 in row 0, which is not in classes"
    ) as caught:
        read_labels(brackets, range(1, 90))
    assert "replaced" not in str(caught.value)


@pytest.mark.parametrize(
    "names",
    [("upper", "lower"), ("income_max", "income_min"), ("To", "From"), ("age high", "age low")],
)
def test_columns_that_say_they_are_swapped_are_refused(names):
    ends = np.array([[np.nan, 4.0], [4.0, np.nan]])  # which can be read either way
    structured = np.array([tuple(row) for row in ends], dtype=[(each, float) for each in names])
    for y in (pd.DataFrame(ends, columns=names), structured):
        with pytest.raises(ValueError, match=rf"'{names[0]}' and '{names[1]}'; the first is to"):
            read_labels(y)
        swapped = y[[names[1], names[0]]]
        assert read_labels(swapped, classes=[3, 4, 5]).lower.tolist() == [1, 0]


@pytest.mark.parametrize("names", [("lower", "upper"), ("a", "b"), ("high", "max"), ("y0", "y1")])
def test_columns_of_other_names_are_taken_in_their_order(names):
    assert read_labels(pd.DataFrame([[1, 2], [2, 3]], columns=names)).lower.tolist() == [0, 1]


def test_decimals_of_databases_are_numbers():
    y = [Decimal("1"), Decimal("2"), Decimal("10")]
    assert read_labels(y).classes.tolist() == [1.0, 2.0, 10.0]
    pairs = [(Decimal("1"), Decimal("NaN")), (None, Decimal("10")), (Decimal("2"), Decimal("2"))]
    labels = read_labels(pairs)
    assert labels.lower.tolist() == [0, 0, 1]
    assert labels.upper.tolist() == [2, 2, 1]


def test_labels_of_several_raters_say_what_to_do():
    with pytest.raises(ValueError, match=r"got an array of shape \(2, 3\).*combine_annotators"):
        read_labels([[1, 2, 2], [3, 3, 4]])


def test_two_columns_of_zeros_and_ones_are_no_intervals():
    with pytest.raises(ValueError, match=r"row 1: \[1, 0\]\. Columns of zeros and ones .*argmax"):
        read_labels(np.eye(2, dtype=int)[[1, 0, 1]])
