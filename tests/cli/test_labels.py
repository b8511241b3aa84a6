"""Label files, and the pairing of their rows with images."""

import re

import click
import numpy as np
import pytest

from vilma.cli._labels import (
    LabelReading,
    default_classes,
    integer_scale,
    join_labels,
    match_names,
    read_label_table,
    require_on_scale,
)

INF = np.inf


@pytest.fixture
def read(tmp_path):
    def read(text, columns=None, encoding="utf-8"):
        path = tmp_path / "labels.csv"
        path.write_bytes(text.encode(encoding))
        return read_label_table(path, LabelReading(columns))

    return read


def test_exact_labels(read):
    table = read("file,label\na.jpg,3\nb.jpg,7\n")
    assert table.names == ["a.jpg", "b.jpg"]
    assert table.columns == ("file", "label")
    np.testing.assert_array_equal(table.intervals, [[3, 3], [7, 7]])


def test_intervals_with_open_ends(read):
    table = read("file,lower,upper\na,1,4\nb,,4\nc,5,\n")
    np.testing.assert_array_equal(table.intervals, [[1, 4], [-INF, 4], [5, INF]])


def test_intervals_that_are_open_at_both_ends_are_no_labels(read):
    table = read("file,lower,upper\na,,\nb,1,4\nc,-inf,nan\nd,5,\n")
    assert table.names == ["b", "d"]
    assert table.texts == ["1,4", "5,"]
    np.testing.assert_array_equal(table.intervals, [[1, 4], [5, INF]])
    assert read('file,label\na,"(-inf, inf)"\nb,20-29\n').names == ["b"]
    with pytest.raises(click.ClickException, match=r"has no label in any of its 2 row\(s\)"):
        read("file,lower,upper\na,,\nb,,\n")


def test_other_columns_are_ignored_and_named_ones_used(read):
    text = "id,path,age,from,to\n1,a,3,2,4\n"
    np.testing.assert_array_equal(read(text, ("path", "age")).intervals, [[3, 3]])
    np.testing.assert_array_equal(read(text, ("path", "from", "to")).intervals, [[2, 4]])


def test_the_only_other_column_is_the_label(read):
    assert read("file,age\na,3\n").columns == ("file", "age")


def test_byte_order_mark_blank_lines_quotes_and_windows_ends(read):
    table = read('file,label\r\n"./a, b.jpg",3\r\n\r\nsub\\c.jpg, 4 \r\n', encoding="utf-8-sig")
    assert table.names == ["a, b.jpg", "sub/c.jpg"]
    np.testing.assert_array_equal(table.intervals[:, 0], [3, 4])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"has the columns ''; expected file,label or file,lower,upper"),
        ("file:label\na:3\n", "has the columns 'file:label'; expected file,label"),
        ("file;label\na,3\n", "line 2 has 1 cells, separated by semicolons; the header has 2"),
        ("file,label\na;3\n", "line 2 has 1 cells, separated by commas; the header has 2"),
        ("file,label\na,1_0\n", "column 'label' is '1_0'; expected a number, or a bracket such"),
        ("file,lower,upper\na,1_0,20\n", "column 'lower' is '1_0'; expected a number"),
        ("file,lower,upper\na,20-29,\n", "column 'lower' is '20-29'; expected a number"),
        ("file,label\na,20-29\nb,3,\n", "line 3 has 3 cells"),
        ("file,label\na,20-29\nb,refused\n", r"'refused'; expected a.*: --no-answer \"refused\""),
        (
            "name,age,sex\na,3,0\n",
            r"has the columns 'name,age,sex'.*here perhaps --columns name,age,sex",
        ),
        ("file,label,label\na,3,3\n", "has the columns 'file,label,label'.*each once"),
        ("file,lower\na,3\n", "has a column 'lower' and none named 'upper'. Add it, with empty"),
        ("upper,file\n3,a\n", "has a column 'upper' and none named 'lower'"),
        ("file,label,lower,upper\na,3,2,4\n", "exact labels and intervals: name those to use"),
        ("file,label\n", "has a header and no rows"),
        ("file,label\na,3\nb\n", "line 3 has 1 cells, separated by commas; the header has 2"),
        ("file,label\na,3\n,4\n", "line 3 has no file name"),
        ("file,label\na,3\nb,29-20\n", "line 3, column 'label' is '29-20', whose lower end 29 is"),
        ("file,label\na,3\nb,old\n", "line 3, column 'label' is 'old'; expected a number"),
        (
            "file,label\na,\n",
            r"has no label in any of its 1 row\(s\); expected one label per image",
        ),
        ("file,label\na,inf\n", "line 2, column 'label' is 'inf'; expected a finite number"),
        ("file,lower,upper\na,inf,\n", "line 2, column 'lower' is 'inf'; expected a finite"),
        ("file,lower,upper\na,1,2\nb,5,4\n", "line 3 has the lower end 5 above the upper end 4"),
        ("file,label\na,3\nb,1\n./a,4\n", "line 4 labels 'a' again; the first time was line 2"),
        ('file,label\n"a,3\n', "is not a readable CSV file in UTF-8"),
    ],
)
def test_what_is_wrong_is_said(read, text, message):
    with pytest.raises(click.ClickException, match=message):
        read(text)


def test_other_encodings_are_refused(read):
    with pytest.raises(
        click.ClickException, match=r"is not a readable CSV file in UTF-8: .* Save it as"
    ):
        read("file,label\nü,3\n", encoding="latin-1")


def test_missing_named_columns(read):
    with pytest.raises(click.ClickException, match="has the columns 'file,age'; expected file,yr"):
        read("file,age\na,3\n", ("file", "yr"))


def test_equal_names_pair_first_then_tails():
    rows = ["a.jpg", "sub/b.jpg", "c.jpg", "sub/d.jpg", "x.jpg"]
    labelled = ["faces/c.jpg", "b.jpg", "a.jpg", "other/d.jpg", "y.jpg", "faces/a.jpg"]
    assert match_names(rows, labelled) == [(0, 2), (1, 1), (2, 0)]


def test_accents_are_the_same_however_they_are_written():
    short, long = "\u017d.jpg", "Z\u030c.jpg"
    assert match_names([long, "b.jpg"], ["b.jpg", f"faces/{short}"]) == [(0, 1), (1, 0)]
    assert match_names([short], [long]) == [(0, 0)]
    assert match_names([short, long], [long, short]) == [(0, 1), (1, 0)]
    assert match_names([short, long], [long]) == [(1, 0)]
    with pytest.raises(click.ClickException, match=re.escape(long)):
        match_names([long], [f"a/{short}", f"b/{short}"])


@pytest.mark.parametrize(
    ("rows", "labelled", "message"),
    [
        (["a.jpg"], ["x/a.jpg", "y/a.jpg"], r"the image 'a.jpg' fits 2 labels: x/a.jpg, y/a.jpg"),
        (["x/a.jpg", "y/a.jpg"], ["a.jpg"], r"the label 'a.jpg' fits 2 images: x/a.jpg, y/a.jpg"),
        (["s/x/a.jpg"], ["a.jpg", "x/a.jpg"], r"the image 's/x/a.jpg' fits 2 labels"),
    ],
)
def test_ambiguous_names_are_refused(rows, labelled, message):
    with pytest.raises(click.ClickException, match=message):
        match_names(rows, labelled)


def test_pairing_equals_the_naive_one():
    rng = np.random.default_rng(0)
    parts = ["a", "b"]
    names = sorted({"/".join(rng.choice(parts, rng.integers(1, 4))) for _ in range(30)})

    def fits(one, other):
        return one == other or one.endswith("/" + other) or other.endswith("/" + one)

    n_paired = 0
    for _ in range(300):
        rows = rng.choice(names, rng.integers(1, 4), replace=False).tolist()
        labelled = rng.choice(names, rng.integers(1, 4), replace=False).tolist()
        equal = {(rows.index(name), labelled.index(name)) for name in set(rows) & set(labelled)}
        left = [
            (i, j)
            for i, row in enumerate(rows)
            for j, label in enumerate(labelled)
            if row not in labelled and label not in rows and fits(row, label)
        ]
        unique = len({i for i, _ in left}) == len(left) == len({j for _, j in left})
        if unique:
            assert match_names(rows, labelled) == sorted({*equal, *left})
            n_paired += len(left)
        else:
            with pytest.raises(click.ClickException, match=r"fits [23]"):
                match_names(rows, labelled)
    assert n_paired > 20


def test_what_is_left_out_is_counted_and_named(read, tmp_path, capsys):
    table = read("file,label\nb,2\na,1\n" + "".join(f"x{k},1\n" for k in range(7)))
    places = {"images": tmp_path / "f.npz", "labels": tmp_path / "labels.csv"}
    rows, labelled = join_labels(["a", "u", "b"], table, **places)
    assert rows.tolist() == [0, 2]
    np.testing.assert_array_equal(table.intervals[labelled], [[1, 1], [2, 2]])
    said = capsys.readouterr().err
    assert "left out 1 image(s)" in said
    assert "without a label: u\n" in said
    assert "left out 7 label(s)" in said
    assert "x0, x1, x2, x3, x4 and 2 more" in said
    with pytest.raises(click.ClickException, match=r"no image of .* has a label in .*nothing"):
        join_labels(["nothing"], table, **places)


def test_the_scale_is_every_integer_between_the_ends():
    intervals = np.array([[3, INF], [-INF, 6], [4, 4]])
    classes = default_classes(intervals, [None] * 3)
    assert classes.tolist() == [3, 4, 5, 6]
    assert np.issubdtype(classes.dtype, np.integer)


def test_open_ends_beyond_the_scale_are_named(capsys):
    classes = default_classes(np.array([[-INF, 9], [10, 19], [20, INF], [20, 29]]), [None] * 4)
    assert (classes[0], classes[-1]) == (9, 29)
    assert "1 label(s) with an open end are taken as exact" in capsys.readouterr().err
    default_classes(np.array([[5, 9], [-INF, 19], [10, INF], [20, 29]]), [None] * 4)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ([[1, 2.5]], r"not all integers \(2.5 is the first\)"),
        ([[2, 2]], "name only the level 2; at least two"),
        ([[-INF, INF]], "name no finite end; at least two"),
        ([[0, 10_000]], "from 0 to 10000 has 10,001 levels, more than 10,000"),
    ],
)
def test_labels_without_a_scale(intervals, message):
    with pytest.raises(click.ClickException, match=message):
        default_classes(np.array(intervals, dtype=float), [None])


def test_labels_off_the_scale_are_named():
    intervals = np.array([[1.0, INF], [0, 3], [2, 9]])
    names = ["a", "b", "c"]
    texts = ["1+", "0", "2-9"]
    require_on_scale(intervals, integer_scale(0, 9), names, texts)
    with pytest.raises(
        click.ClickException, match=r"label 0 of 'b' is not on the scale 1, 2, \.\.\., 8 \(2 such"
    ):
        require_on_scale(intervals, integer_scale(1, 8), names, texts)
    with pytest.raises(
        click.ClickException,
        match=r"label 1 \('1\+' in the file\) of 'a' is not on the scale of the model 2, 3, "
        r"\.\.\., 8 \(3 such label\(s\)\)\. Leave such rows out, or train a model whose scale has "
        "them: `vilma fit --classes 0 9`",
    ):
        require_on_scale(intervals, integer_scale(2, 8), names, texts, trained=True)
    with pytest.raises(click.ClickException, match="rows out: the scale has whole numbers"):
        require_on_scale(np.array([[1.5, 2]]), integer_scale(1, 8), ["a"], [None], trained=True)


def test_brackets_are_read(read):
    text = "file,label\na,20-29\nb,50+\nc,more than 70\nd,35\ne,under-18\n"
    table = read(text)
    assert table.intervals.tolist() == [[20, 29], [50, INF], [71, INF], [35, 35], [-INF, 17]]
    assert default_classes(table.intervals, table.texts).tolist() == list(range(17, 72))
    table = read('file,label\na,"10,000 - 14,999"\nb,"15,000 or more"\n')
    assert table.intervals.tolist() == [[10_000, 14_999], [15_000, INF]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "a,20-30\nb,30-40\n",
            "the brackets '20-30' (of a) and '30-40' (of b) overlap: they share label 30. If a",
        ),
        (
            "a,35\nb,60+\nc,30-69\n",
            "the brackets '30-69' (of c) and '60+' (of b) overlap: they share more than one",
        ),
        (
            "a,under 5\nb,7-9\nc,12\n",
            "the brackets 'under 5' (of a) and '7-9' (of b) leave a gap: the label 5 is in none.",
        ),
        ("a,under 5\nb,7-9\nc,5\n", ""),
        ("a,20-29\nb,32\nc,38\nd,40-49\ne,60+\nf,51\n", ""),
        ("a,20-29\nb,30-39\nc,20-29\n", ""),
        ("a,20\nb,40\n", ""),
        (
            'a,10.000-14.999\nb,"15.000 or more"\n',
            "labels.csv: the point in '10.000-14.999' may part thousands or decimals, and",
        ),
    ],
)
def test_irregular_brackets_are_told(read, capsys, rows, said):
    read("file,label\n" + rows)
    error = capsys.readouterr().err
    assert said in error
    assert bool(said) == bool(error)


@pytest.mark.parametrize("others", [["20-29", "30-39"], ["1-5", "6+"], ["under 5", "5-9"]])
def test_none_far_below_all_brackets_is_told(read, capsys, others):
    table = read("file,label\na,none\n" + "".join(f"{each},{each}\n" for each in others))
    assert table.intervals[0].tolist() == [0, 0]
    said = "the label(s) 'none' are read as 0, and all others begin at 20 or above. Where they say"
    assert (said in capsys.readouterr().err) == (others[0] == "20-29")


def test_brackets_of_one_label_beside_a_gap_are_named(tmp_path, capsys):
    path = tmp_path / "labels.csv"
    words = ["7-9", "9-10", "10-11", "12-13", "13-15", "15-17"]
    path.write_text("file,label\n" + "".join(f"{k},{word}\n" for k, word in enumerate(words)))
    read_label_table(path, LabelReading(closed="left"))
    said = "the brackets '10-11' (of 2) and '12-13' (of 3) leave a gap: the label 11 is in none."
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("closed", "expected"), [("left", [[20, 29], [30, 39]]), ("right", [[21, 30], [31, 40]])]
)
def test_a_border_that_two_brackets_share_belongs_to_one(tmp_path, capsys, closed, expected):
    path = tmp_path / "labels.csv"
    path.write_text("file,label\na,20-30\nb,30-40\n")
    assert read_label_table(path, LabelReading(closed=closed)).intervals.tolist() == expected
    assert capsys.readouterr().err == ""


def test_text_in_utf_16_is_named(read):
    with pytest.raises(click.ClickException, match="is text in UTF-16, not a CSV file"):
        read("file,label\na,3\n", encoding="utf-16")


def test_codes_of_missing_answers_are_told(read, capsys):
    table = read("file,label\na,1\nb,2\nc,3\nd,4\ne,-99\nf,99\n")
    assert default_classes(table.intervals, table.texts).tolist() == list(range(-99, 100))
    error = capsys.readouterr().err
    assert "the labels have -99, 99, apart from all others" in error
    assert "--no-answer=-99 --no-answer=99" in error


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("file,label\na,1\nb,2\nc,3\nd,4\ne,1-99\nf,-9\n", "-9"),
        ("file,label\na,1\nb,2\nc,3\nd,4\ne,1-99\n", None),
        ("file,lower,upper\na,1,2\nb,3,4\nc,1,99\n", "99"),
    ],
)
def test_codes_of_missing_answers_have_cells_of_their_own(read, capsys, text, codes):
    table = read(text)
    default_classes(table.intervals, table.texts)
    error = capsys.readouterr().err
    assert (f"the labels have {codes}, apart from all others" in error) == (codes is not None)
    assert ("--no-answer" in error) == (codes is not None)


def test_codes_of_missing_answers_off_the_scale_are_told(read):
    table = read("file,label\na,1\nb,3\nc,-9\nd,2-99\n")
    said = r"missing answers\. Where they are codes, leave their rows out: --no-answer=-9\.$"
    for trained in (False, True):
        with pytest.raises(click.ClickException, match=said):
            require_on_scale(
                table.intervals, integer_scale(1, 7), "abcd", table.texts, trained=trained
            )


@pytest.mark.parametrize("header", ["file,label", "file,lower,upper"])
def test_a_text_of_no_answer_that_is_nowhere_is_told(tmp_path, capsys, header):
    path = tmp_path / "labels.csv"
    commas = "," * (header.count(",") - 1)
    path.write_text(f"{header}\na,20{commas}\nb,-99.0{commas}\n")
    table = read_label_table(path, LabelReading(no_answer=("-99", "zzz")))
    assert table.names == ["a"]
    said = capsys.readouterr().err
    assert said.startswith(f"warning: --no-answer 'zzz' leaves no row out: no cell of {path} is")


def test_intervals_of_two_columns_may_overlap(read, capsys):
    read("file,lower,upper\na,20,30\nb,30,40\n")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_semicolons_tabs_and_bars_part_cells(read, mark):
    table = read(f"file{mark}lower{mark}upper\na, b.jpg{mark}20{mark}29\nc{mark}{mark}40\n")
    assert table.names == ["a, b.jpg", "c"]
    assert table.intervals.tolist() == [[20, 29], [-INF, 40]]


def test_capitals_of_a_header_make_no_difference(read):
    table = read("File,Lower,Upper\na,20,29\n")
    assert table.columns == ("File", "Lower", "Upper")
    assert table.intervals.tolist() == [[20, 29]]
    assert read("FILE,Age\na,20\n").intervals.tolist() == [[20, 20]]
    assert read("Path,Age\na,20\n", ("path", "age")).intervals.tolist() == [[20, 20]]
    assert read("Age,age,path\n1,2,a\n", ("path", "age")).intervals.tolist() == [[2, 2]]


@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (b"PK\x03\x04\x14\x00", "an Excel or OpenDocument workbook, not a CSV file. Save it as"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook, not a CSV file"),
        (b"PAR1\x15\x04", "a Parquet file, not a CSV file"),
    ],
)
def test_other_formats_are_named(tmp_path, begin, what):
    path = tmp_path / "labels.csv"
    path.write_bytes(begin + bytes(100))
    with pytest.raises(click.ClickException, match=re.escape(f"{path} is {what}")):
        read_label_table(path)


def test_rows_that_say_nothing_are_left_out(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,label\na,3\nb,\nc,Refused\nd,20-29\ne, ? \n")
    table = read_label_table(path, LabelReading(no_answer=("refused", "?")))
    assert table.names == ["a", "d"]
    np.testing.assert_array_equal(table.intervals, [[3, 3], [20, 29]])
    with pytest.raises(click.ClickException, match='--no-answer "Refused"'):
        read_label_table(path, LabelReading(no_answer=("?",)))


def test_ends_that_say_nothing_are_left_out(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,lower,upper\na,3,4\nb,-99.0,\nc,2,Refused\nd,5,\n")
    table = read_label_table(path, LabelReading(no_answer=("refused", "-99")))
    assert table.names == ["a", "d"]
    np.testing.assert_array_equal(table.intervals, [[3, 4], [5, INF]])
    with pytest.raises(click.ClickException, match=r'a number\. .*--no-answer "Refused"'):
        read_label_table(path, LabelReading(no_answer=("-99",)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "a,0.5-1\nb,under 0.5\n",
            "line 3, column 'label' is 'under 0.5', which leaves its end out, and the column has "
            "decimals, as in '0.5-1': the next number is known of whole numbers only. Write the",
        ),
        ("a,0.5\nb,1\nc,over 4\n", "line 4, column 'label' is 'over 4', which leaves its end out"),
        ('a,"(4, 5)"\nb,7\n', "line 2, column 'label' is '(4, 5)', which holds no whole number"),
        (
            'a,"1,5-2"\nb,"3,5-2,5"\n',
            "line 3, column 'label' is '3,5-2,5', whose lower end 3.5 is above its upper end 2.5;",
        ),
        ("a,3-2\nb,much\n", "line 3, column 'label' is 'much'; expected a number, or a"),
    ],
)
def test_brackets_without_labels_are_named_by_their_line(read, text, said):
    with pytest.raises(click.ClickException, match=re.escape(said)) as raised:
        read("file,label\n" + text)
    assert "classes" not in str(raised.value)


@pytest.mark.parametrize(
    ("labels", "decimal", "expected"),
    [
        ("1.125 2.250 4.500", None, [[1.125] * 2, [2.25] * 2, [4.5] * 2]),
        ("1.000 2.000 3.000", "comma", [[1000, 1000], [2000, 2000], [3000, 3000]]),
        ("12.000 10.000-14.999 1e4", None, [[12_000] * 2, [10_000, 14_999], [10_000] * 2]),
        ("12.000 10.000-14.999 16.5", None, [[12, 12], [10, 14.999], [16.5, 16.5]]),
        ("1.000-1.999 2.000-2.999 2.000", "point", [[1, 1.999], [2, 2.999], [2, 2]]),
    ],
)
def test_numbers_and_brackets_have_the_same_decimals(tmp_path, labels, decimal, expected):
    path = tmp_path / "labels.csv"
    path.write_text("file,label\n" + "".join(f"{k},{x}\n" for k, x in enumerate(labels.split())))
    table = read_label_table(path, LabelReading(decimal=decimal))
    np.testing.assert_array_equal(table.intervals, expected)
