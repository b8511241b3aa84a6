"""Options and types of options that several commands share."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource


class InputPath(click.Path):
    """A file, or a folder, that is there: what it holds is told by its name, and read twice."""

    def __init__(self, *, dir_okay: bool = True) -> None:
        super().__init__(exists=True, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse the standard input and pipes, see :class:`click.Path`."""
        name, path = str(value), Path(value)
        is_other = path.exists() and not (path.is_file() or path.is_dir())
        if name in ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0") or is_other:
            self.fail(
                f"{name} is no file: the standard input and pipes are not read. Write to a file "
                "first, and name that.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


class Columns(click.ParamType):
    """Names of columns: ``FILE,LABEL`` or ``FILE,LOWER,UPPER``."""

    name = "names"

    def convert(
        self,
        value: str | tuple[str, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """Split at the commas.

        Parameters
        ----------
        value : str or tuple of str
            The names as typed, or split before.
        param : click.Parameter or None
            The option they were typed for.
        ctx : click.Context or None
            The command they were typed for.

        Returns
        -------
        tuple of str
            Two or three names.

        Raises
        ------
        click.BadParameter
            If there are fewer or more, or one is empty.
        """
        names = (
            tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value
        )
        if len(names) not in (2, 3) or not all(names):
            self.fail(
                f"{value!r} is not of the form FILE,LABEL or FILE,LOWER,UPPER.",
                param,
                ctx,
            )
        return names


class Levels(click.ParamType):
    """Labels in words, parted by commas; in quotes where they contain one, as in CSV files."""

    name = "words"

    def convert(
        self,
        value: str | list[str],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> list[str]:
        """Split at the commas outside of quotes.

        Parameters
        ----------
        value : str or list of str
            The words as typed, or split before.
        param : click.Parameter or None
            The option they were typed for.
        ctx : click.Context or None
            The command they were typed for.

        Returns
        -------
        list of str
            One word or more.

        Raises
        ------
        click.BadParameter
            If a quote is not closed, or followed by more than a comma, or a word comes twice.
        """
        if not isinstance(value, str):
            return value
        try:
            words = next(csv.reader([value], skipinitialspace=True, strict=True), [""])
        except csv.Error as error:
            self.fail(
                f"{value!r} cannot be parted at its commas ({error}). Write words that contain a "
                'comma in double quotes: No,"Yes, often"; and a double quote in them twice.',
                param,
                ctx,
            )
        levels = [word.strip() for word in words]
        twice = [level for level in levels if levels.count(level) > 1]
        if twice:
            self.fail(f"{value!r} has {twice[0]!r} twice; name every level once.", param, ctx)
        return levels


def join_levels(words: Iterable[str]) -> str:
    """Write labels in words as :class:`Levels` reads them.

    Parameters
    ----------
    words : iterable of str
        The labels.

    Returns
    -------
    str
        With commas between them, and in quotes where they contain one.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(words)
    return text.getvalue()


def given_once(ctx: click.Context, param: click.Parameter, values: tuple[Any, ...]) -> Any:
    """Return the value of an option that may come once, where click would keep the last one.

    Parameters
    ----------
    ctx : click.Context
        The command it was typed for.
    param : click.Parameter
        The option it was typed for.
    values : tuple
        As typed.

    Returns
    -------
    object
        The only value; None if there is none.

    Raises
    ------
    click.BadParameter
        If there are several.
    """
    if len(values) > 1:
        raise click.BadParameter(
            f"it is given {len(values)} times, {' and '.join(map(repr, values))}; expected once."
        )
    return values[0] if values else None


def refuse_shared_columns(columns: Iterable[tuple[str, str | None]]) -> None:
    """Refuse a column of a table that is named for two purposes.

    Parameters
    ----------
    columns : iterable of (str, str or None)
        Options, and the columns that they name. --group and --id may name the same.

    Raises
    ------
    click.UsageError
        For the first two that name the same.
    """
    options: dict[str, str] = {}
    for option, name in columns:
        if name is None:
            continue
        first = options.setdefault(name, option)
        if first != option and {first, option} != {"--group", "--id"}:
            raise click.UsageError(
                f"{first} and {option} both name the column {name!r}; give every column one "
                "purpose."
            )


def refuse_typed(names: Iterable[str], why: str) -> None:
    """Refuse options of the running command that were typed and have no effect.

    Parameters
    ----------
    names : iterable of str
        Their parameters.
    why : str
        What the message says after the option.

    Raises
    ------
    click.UsageError
        For the first that was typed.
    """
    context = click.get_current_context(silent=True)
    if context is None:  # no command runs
        return
    for parameter in context.command.params:
        typed = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if parameter.name in names and typed:
            raise click.UsageError(f"{parameter.opts[0]} {why}")


def makes_scale() -> bool:
    """Tell whether the running command makes a scale of labels; others have that of a model.

    Returns
    -------
    bool
        True also where no command runs.
    """
    context = click.get_current_context(silent=True)
    return context is None or any(each.name == "classes" for each in context.command.params)


class WholeNumber(click.types.IntParamType):
    """Whole numbers as people write them: not 1_0, which Python takes for 10."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse underscores, see :data:`click.INT`."""
        _refuse_underscores(self, value, param, ctx)
        return super().convert(value, param, ctx)


class IntRange(click.IntRange):
    """Whole numbers of a range, as people write them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse underscores, see :class:`click.IntRange`."""
        _refuse_underscores(self, value, param, ctx)
        return super().convert(value, param, ctx)


class FoldCount(IntRange):
    """A number of parts that are held out in turn, or 0 for none."""

    name = "folds"

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse one part, which leaves nothing to train on."""
        n_folds = super().convert(value, param, ctx)
        if n_folds == 1:
            self.fail("1 part leaves nothing to train on; expected 2 or more, or 0.", param, ctx)
        return n_folds


class FloatRange(click.FloatRange):
    """Finite numbers of a range, as people write them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse underscores, infinity and NaN, see :class:`click.FloatRange`."""
        _refuse_underscores(self, value, param, ctx)
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number


def _refuse_underscores(
    kind: click.ParamType, value: Any, param: click.Parameter | None, ctx: click.Context | None
) -> None:
    if isinstance(value, str) and "_" in value:
        kind.fail(f"{value!r} is no number; expected one without underscores.", param, ctx)


def _check_classes(
    ctx: click.Context, param: click.Parameter, ends: tuple[int, int] | None
) -> tuple[int, int] | None:
    if ends is not None and ends[0] >= ends[1]:
        raise click.BadParameter(f"{ends[0]} {ends[1]} is no scale; expected LOWEST < HIGHEST.")
    return ends


def _check_box(
    ctx: click.Context, param: click.Parameter, box: tuple[int, int, int, int] | None
) -> tuple[int, int, int, int] | None:
    if box is not None:
        left, top, right, bottom = box
        if not (0 <= left < right and 0 <= top < bottom):
            raise click.BadParameter(
                f"{left} {top} {right} {bottom} is empty or outside every image; expected "
                "0 <= LEFT < RIGHT and 0 <= TOP < BOTTOM."
            )
    return box


def check_n_jobs(ctx: click.Context, param: click.Parameter, n_jobs: int | None) -> int | None:
    """Refuse to work with nobody.

    Parameters
    ----------
    ctx : click.Context
        The command it was typed for.
    param : click.Parameter
        The option it was typed for.
    n_jobs : int or None
        As typed.

    Returns
    -------
    int or None
        The same.

    Raises
    ------
    click.BadParameter
        If it is zero.
    """
    if n_jobs == 0:
        raise click.BadParameter("0 jobs do nothing; expected 1 or more, or -1 for all cores.")
    return n_jobs


def _to_bytes(ctx: click.Context, param: click.Parameter, megabytes: int) -> int:
    return megabytes * 2**20


classes_option: Any = click.option(
    "--classes",
    type=WholeNumber(),
    nargs=2,
    metavar="LOWEST HIGHEST",
    callback=_check_classes,
    help="The scale, every integer between the two. By default between the smallest and the "
    "largest end found in the labels, which have to be integers then.",
)
box_option: Any = click.option(
    "--box",
    type=WholeNumber(),
    nargs=4,
    metavar="LEFT TOP RIGHT BOTTOM",
    callback=_check_box,
    help="The part of every image to use, in pixels; the whole image by default.",
)
columns_option: Any = click.option(
    "--columns",
    type=Columns(),
    metavar="FILE,LABEL|FILE,LOWER,UPPER",
    help="Columns of the label file, if they have other names than file,label and "
    "file,lower,upper.",
)
n_jobs_option: Any = click.option(
    "--n-jobs",
    type=WholeNumber(),
    callback=check_n_jobs,
    help="How many threads may be used; -1 for all cores.",
)
seed_option: Any = click.option(
    "--seed",
    type=IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of every random choice.",
)
strict_option: Any = click.option(
    "--strict", is_flag=True, help="Stop with an error if a file cannot be used; write nothing."
)
quiet_option: Any = click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
column_option: Any = partial(click.option, metavar="NAME", multiple=True, callback=given_once)
weight_option: Any = column_option(
    "--weight",
    help="Column, of the table or of LABELS, of how much every row counts (weights of a survey's "
    "design), in training and in errors.",
)
no_answer_option: Any = click.option(
    "--no-answer",
    multiple=True,
    metavar="TEXT",
    help='A label, or an end of an interval, that says nothing, such as "refused": the row is '
    'left out, as those with an empty label are. Among brackets "none", "nil" and "zero" are 0 '
    "unless they are named here.",
)
closed_option: Any = click.option(
    "--closed",
    type=click.Choice(["both", "left", "right"]),
    help="Which of the two numbers of a bracket such as 20-30 belong to it; left: 20 to 29. In a "
    "table also of the ends in --lower and --upper.  [default: both]",
)
decimal_option: Any = click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    help="What parts decimals in labels and brackets such as 1.000-1.999.  [default: told by the "
    "figures of the column, a point where all are plain numbers; `vilma evaluate`: as they told "
    "in training]",
)
model_argument: Any = click.argument("model", type=InputPath(dir_okay=False))
features_argument: Any = click.argument("features", type=InputPath())
max_memory_option: Any = click.option(
    "--max-memory",
    type=IntRange(min=1),
    default=256,
    show_default=True,
    metavar="MB",
    callback=_to_bytes,
    help="Memory for the features, where FEATURES is a folder: it is read in blocks.",
)
optional_labels_argument: Any = click.argument(
    "labels", required=False, type=InputPath(dir_okay=False)
)
