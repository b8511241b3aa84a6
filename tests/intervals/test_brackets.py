import re

import numpy as np
import pandas as pd
import pytest

from vilma.intervals import parse_brackets

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("text", "lower", "upper"),
    [
        ("20-29", 20, 29),
        (" 20 – 29 ", 20, 29),
        ("20—29", 20, 29),
        ("20...29", 20, 29),
        ("5 to 9", 5, 9),
        ("5 TO 9 years", 5, 9),
        ("5 through 9", 5, 9),
        ("between 5 and 9", 5, 9),
        ("from 5 to 9", 5, 9),
        ("18-24 years old", 18, 24),
        ("10%-19%", 10, 19),
        ("-5--1", -5, -1),
        ("-5-1", -5, 1),
        ("-5 to -1", -5, -1),
        ("−5 – −1", -5, -1),
        ("$10,000 - $14,999", 10_000, 14_999),
        ("$1,000,000-2,000,000", 1_000_000, 2_000_000),
        ("-$500 to $0", -500, 0),
        ("10 to under 20", 10, 19),
        ("$10 but less than $20", 10, 19),
        ("10-<20", 10, 19),
        ("over 10 to 20", 11, 20),
        ("more than 10 up to 20", 11, 20),
        ("5-9 €", 5, 9),
        ("5€ – 9€", 5, 9),
        ("from 5 £ to 9 £", 5, 9),
        ("7-7", 7, 7),
        ("50+", 50, INF),
        ("50 +", 50, INF),
        ("$105,000 and over", 105_000, INF),
        ("100€+", 100, INF),
        ("100 € or more", 100, INF),
        ("50 or more", 50, INF),
        ("50 years and older", 50, INF),
        ("at least 50", 50, INF),
        (">=50", 50, INF),
        ("≥ 50", 50, INF),
        ("over 90", 91, INF),
        ("more than 90", 91, INF),
        (">90", 91, INF),
        ("under 5", -INF, 4),
        ("Younger than 5 years", -INF, 4),
        ("< 5", -INF, 4),
        ("less than $3,000", -INF, 2_999),
        ("up to 5", -INF, 5),
        ("at most 5", -INF, 5),
        ("<=5", -INF, 5),
        ("5 or fewer", -INF, 5),
        ("5 and under", -INF, 5),
        ("[20, 30)", 20, 29),
        ("(20, 30]", 21, 30),
        ("(-inf, 30]", -INF, 30),
        ("[70-80)", 70, 79),
        ("(70 - 80]", 71, 80),
        ("[-5--1]", -5, -1),
        ("over-65", 66, INF),
        ("above-65", 66, INF),
        ("more-than 65", 66, INF),
        ("over -65", -64, INF),
        ("under-18", -INF, 17),
        ("Under-18", -INF, 17),
        ("below-$500", -INF, 499),
        ("under -18", -INF, -19),
        ("up-to-5", -INF, 5),
        ("65-and-over", 65, INF),
        ("65-or-less", -INF, 65),
        ("[20, inf)", 20, INF),
        ("7", 7, 7),
        ("1,500", 1500, 1500),
        ("none", 0, 0),
        ("None", 0, 0),
        ("zero", 0, 0),
        (7, 7, 7),
        (7.0, 7, 7),
        (None, -INF, INF),
        (NAN, -INF, INF),
        (pd.NA, -INF, INF),
    ],
)
def test_one_bracket(text, lower, upper):
    assert parse_brackets([text]).tolist() == [[lower, upper]]


def test_a_column_of_brackets():
    column = pd.Series(["under 5", "5-9", "10+", "5-9", "6", None], index=list("abcdef"))
    expected = [[-INF, 4], [5, 9], [10, INF], [5, 9], [6, 6], [-INF, INF]]
    assert parse_brackets(column).tolist() == expected


def test_text_of_pandas_intervals_is_read_back():
    cut = pd.cut([1, 5, 9], [0, 4, 8, 12])
    assert parse_brackets(cut.astype(str)).tolist() == [[1, 4], [5, 8], [9, 12]]


def test_names_say_what_other_texts_mean():
    names = {
        "Infant": (0, 1),
        "toddler": "2-3",
        "none": "under 100",
        "no answer": None,
        99: None,
        "old": (65, None),
        "one": 1,
        "old folk": "old",
    }
    labels = ["infant", " toddler", "None", "no answer", 99, "OLD", "one", "old folk"]
    assert parse_brackets(labels, names=names, irregular="ignore").tolist() == [
        [0, 1],
        [2, 3],
        [-INF, 99],
        [-INF, INF],
        [-INF, INF],
        [65, INF],
        [1, 1],
        [65, INF],
    ]


def test_closed_says_whom_a_shared_border_belongs_to():
    shared = ["20-30", "30-40", "35"]
    assert parse_brackets(shared, closed="left").tolist() == [[20, 29], [30, 39], [35, 35]]
    assert parse_brackets(shared, closed="right").tolist() == [[21, 30], [31, 40], [35, 35]]
    # What is written out stays as written.
    assert parse_brackets(["[20, 30]", "31-31"], closed="left").tolist() == [[20, 30], [31, 31]]


def test_classes_are_the_labels_to_look_for():
    scale = [0, 0.5, 1, 2.5, 10]
    labels = ["under 1", "1-9", "over 9", "2.5"]
    assert parse_brackets(labels, classes=scale).tolist() == [
        [-INF, 0.5],
        [1, 2.5],
        [10, INF],
        [2.5, 2.5],
    ]


def test_units_can_be_left_out():
    assert parse_brackets(["5 kg - 9 kg", "10KG+"], ignore=["kg"]).tolist() == [[5, 9], [10, INF]]


IRREGULAR = [
    (["20-30", "30-40"], r"'20-30' (row 0) and '30-40' (row 1) overlap: they share label 30"),
    (["0-9", "25-35", "20-30", "10-19", "25-35"], r"'20-30' (row 2) and '25-35' (row 1) overlap"),
    (["up to 5", "5+"], "'up to 5' (row 0) and '5+' (row 1) overlap"),
    (["20-29", "35-39"], "'35-39' (row 1) leave a gap: the label 30 is in none"),
    (
        ["30-39", "(8, 9]", "7-8", "29-30", "(9, 10]", "20", "(11, 28]"],
        "'(9, 10]' (row 4) and '(11, 28]' (row 6) leave a gap: the label 11 is in none",
    ),
    (["29", "20-29", "31", "31-39"], "'20-29' (row 1) and '31-39' (row 3) leave a gap"),
    (["0-9", "5,000,000,000+"], "leave a gap: the label 10 is in none"),
]


@pytest.mark.parametrize(("labels", "message"), IRREGULAR)
def test_overlaps_and_gaps(labels, message):
    with pytest.warns(UserWarning, match=re.escape(message)):
        warned = parse_brackets(labels)
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_brackets(labels, irregular="raise")
    np.testing.assert_array_equal(parse_brackets(labels, irregular="ignore"), warned)


def test_exact_labels_and_missing_labels_are_regular():
    labels = ["20-29", "20", "25", None, "30-39", "30"]
    parse_brackets(labels, irregular="raise")
    parse_brackets(["20-29", "35-39"], classes=[20, 25, 29, 35, 39], irregular="raise")
    parse_brackets(["20-29", "30", "31", "32-39"], irregular="raise")
    # Between brackets some labels are written one by one: nobody need have the others.
    parse_brackets(["20-29", "32", "38", "40-49"], irregular="raise")
    parse_brackets(["20-29", 32, "40-49"], classes=range(20, 50), irregular="raise")
    parse_brackets(["0.1-0.5", "1.6-2"], irregular="raise")
    assert parse_brackets([[1, 2], (3, None)]).tolist() == [[1, 2], [3, INF]]


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (["20-29", "abc", "x", "abc"], {}, "labels has 'abc' in row 1, which is no known bracket"),
        (["20-29", "abc", "x", "abc"], {}, "(3 such row(s)). Also unknown: 'x'. Say what it"),
        (["abc"], {}, "with names={'abc': (lower, upper)}, or leave out a unit with `ignore`"),
        (["under - 5"], {}, "labels has 'under - 5' in row 0"),
        (["refused", "1-2"], {}, "If it says nothing, pass names={'refused': None}."),
        (["10,000-14,999", "2,5"], {}, "'10,000-14,999', where a point must part decimals, and"),
        (["1-2"], {"decimal": ";"}, "decimal should be '.', ',' or None, got ';'"),
        (["(9999.999, 9999.9995]"], {"classes": [1, 2]}, "the interval (9999.999, 9999.9995] in"),
        (["9999.995 - 9999.991"], {}, "lower end 9999.995 is above its upper end 9999.991"),
        (
            pd.DataFrame({"a": ["1-2"], "b": ["3-4"]}),
            {},
            "is a data frame of 2 columns, ['a', 'b']",
        ),
        (["10k-15k"], {}, "labels has '10k-15k' in row 0"),
        ([""], {}, "labels has '' in row 0"),
        ([INF], {}, "labels has inf in row 0"),
        (["a"], {"names": {"a": "b", "b": "a"}}, "labels has 'a' in row 0"),
        (["a"], {"names": {"a": (1, 2, 3)}}, "A bracket is given as (1, 2, 3); expected two num"),
        (["1-2", "29-20"], {}, "'29-20' in row 1, whose lower end 29 is above its upper end 20"),
        (["1.5-2.5", "under 1.5"], {}, "labels are not whole numbers"),
        (["1-2"], {"classes": [5, 6]}, "labels has the interval [1, 2] in row 0, which contains"),
        (["(5, 6)"], {}, "which contains none of the whole numbers"),
        ([], {}, "Found 0 brackets while a minimum of 1 is required"),
        ("1-2", {}, "Expected one bracket for each sample, got the string '1-2'"),
        (["1-2"], {"closed": "no"}, "closed should be one of ['both', 'left', 'right'], got 'no'"),
        (["1-2"], {"irregular": "no"}, "irregular should be 'warn', 'raise' or 'ignore'"),
    ],
)
def test_bad_brackets(labels, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_brackets(labels, **options)


THOUSANDS = [[-INF, 9_999], [10_000, 14_999], [15_000, INF]]


@pytest.mark.parametrize("word", ["under", "less than"])
def test_a_point_before_three_figures_parts_thousands(word):
    labels = [f"{word} 10.000", "10.000 - 14.999", "15.000+"]
    with pytest.warns(UserWarning, match=re.escape(f"{labels[0]!r} (row 0) may part thousands")):
        assert parse_brackets(labels).tolist() == THOUSANDS
    assert parse_brackets(labels, decimal=",").tolist() == THOUSANDS
    assert parse_brackets([*labels, "1.000.000"], irregular="ignore").tolist() == [
        *THOUSANDS,
        [1_000_000, 1_000_000],
    ]
    with pytest.warns(UserWarning, match="is taken to part thousands"):
        assert parse_brackets(["less than 1.000"]).tolist() == [[-INF, 999]]


def test_plain_numbers_have_a_point_before_decimals():
    plain = ["1.125", "2.250", "-3.375", "+4", " .500"]
    expected = [1.125, 2.25, -3.375, 4, 0.5]
    assert parse_brackets(plain)[:, 0].tolist() == expected
    assert parse_brackets([*plain[:2], None]).tolist() == [[1.125] * 2, [2.25] * 2, [-INF, INF]]
    # Elsewhere the column has to tell.
    assert parse_brackets(["1.125", "1.234.567"])[:, 0].tolist() == [1_125, 1_234_567]
    assert parse_brackets(["1.125", "2,5"])[:, 0].tolist() == [1_125, 2.5]
    for other in ("€2.250", "1.000-1.999", "5+", "none"):
        with pytest.warns(UserWarning, match="may part thousands or decimals"):
            assert parse_brackets(["1.125", other], irregular="ignore")[0, 0] == 1_125


def test_other_figures_tell_what_a_point_parts():
    options = {"irregular": "ignore", "classes": [0.5, 1.25, 10, 20]}
    assert parse_brackets(["0.5-1.250", "10.000"], **options).tolist() == [[0.5, 1.25], [10, 10]]
    assert parse_brackets(["1.250"], decimal=".", **options).tolist() == [[1.25, 1.25]]
    assert parse_brackets(["0,5-1,25", "10.000,0"], irregular="ignore").tolist() == [
        [0.5, 1.25],
        [10_000, 10_000],
    ]
    assert parse_brackets(["2,5-3,0"]).tolist() == [[2.5, 3]]
    # Programs write the notation of brackets with a point: pandas.cut moves the first end down.
    cut = pd.cut([2, 4, 6], [2, 4, 6], include_lowest=True).astype(str)
    assert parse_brackets(list(cut), classes=range(9)).tolist() == [[2, 4], [2, 4], [5, 6]]
    assert parse_brackets(["[2,5; 3,0)"], decimal=",", classes=[2.5, 3]).tolist() == [[2.5, 2.5]]


def test_no_thousands_follow_a_zero():
    assert parse_brackets(["0,125-0,250"]).tolist() == [[0.125, 0.25]]
    found = parse_brackets(["0,500 to 1,500", "1,501-2,000"], irregular="ignore")
    assert found.tolist() == [[0.5, 1.5], [1.501, 2]]
    for label, mark in (("0,125", "."), ("0.125", ",")):
        with pytest.raises(ValueError, match="which is no known bracket"):
            parse_brackets([label], decimal=mark)


def test_a_column_is_read_and_not_its_name():
    frame = pd.DataFrame({"1-2": ["20-29", None, "30-39"]})
    expected = [[20, 29], [-INF, INF], [30, 39]]
    assert parse_brackets(frame).tolist() == expected
    assert parse_brackets(frame.to_numpy()).tolist() == expected
    masked = np.ma.array(["20-29", "x", "30-39"], mask=[0, 1, 0])
    assert parse_brackets(masked).tolist() == expected
    pl = pytest.importorskip("polars")
    assert parse_brackets(pl.DataFrame({"1-2": ["20-29", None, "30-39"]})).tolist() == expected


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        (
            {"1-2", "3-4"},
            {},
            "labels should be a sequence of brackets, one for each sample, got a s",
        ),
        ({"1-2": 1}, {}, "got a dict"),
        (7, {}, "got a int"),
        ([b"1-2"], {}, "labels has b'1-2' of type bytes in row 0; expected a bracket as a string"),
        (["1-2", True], {}, "labels has True of type bool in row 1"),
        ([{1, 2}], {}, "of type set in row 0"),
        (["1-2"], {"ignore": "kg"}, "ignore should be a list of strings, got 'kg'"),
        (["1-2"], {"names": ["a"]}, "names should be a mapping of names to brackets"),
    ],
)
def test_what_is_no_column_of_brackets(labels, options, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        parse_brackets(labels, **options)


def test_numbers_beyond_whole_floats_stay_what_they_are():
    ends = parse_brackets(["99999999999999999999", "5-7"])
    np.testing.assert_array_equal(ends, [[1e20, 1e20], [5.0, 7.0]])
    assert parse_brackets(["9", "5-7"]).dtype.kind == "i"
