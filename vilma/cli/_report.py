"""What commands say on the standard error, and how library errors and warnings get there."""

from __future__ import annotations

import errno
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from vilma._wording import some_of as some_of
from vilma.exceptions import ColumnWarning, WeakSignalWarning

# Models that predict more of the labels, and how what is found of them begins.
_TO_COMPARE = {
    "--estimator ordered-logit": r"OrderedLogit\(",
    "--estimator vilma --loss squared": r"VILMA\(.*loss='squared'",
}


def say(text: str | bytes, *, nl: bool = True) -> None:
    """Write to the standard output.

    Parameters
    ----------
    text : str or bytes
        What commands find.
    nl : bool, default=True
        End the line.

    Raises
    ------
    click.ClickException
        As :func:`readable_output` says.
    """
    with readable_output():
        click.echo(text, nl=nl)


@contextmanager
def readable_output() -> Iterator[None]:
    """Turn what hinders the writing to the standard output into a line without a traceback.

    Yields
    ------
    None

    Raises
    ------
    click.ClickException
        If the operating system refuses the writing (a full disk, for example); not where the
        reader has closed a pipe, which ends the command quietly.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE or error.filename is not None:  # that is another file
            raise
        nowhere = os.open(os.devnull, os.O_WRONLY)  # or what is left fails again at the end
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise click.ClickException(
            f"the standard output could not be written: {error}. What is there is not complete."
        ) from error


def warn(text: str) -> None:
    """Say something that does not stop the work.

    Parameters
    ----------
    text : str
        One sentence.
    """
    click.echo(f"warning: {text}", err=True)


@contextmanager
def readable_errors(ran: str = "", show: Callable[[Any], str] = str) -> Iterator[None]:
    """Turn what the library refuses or warns of into lines without a traceback.

    Parameters
    ----------
    ran : str, default=""
        The options of the model that is trained, which it is not to be compared with.
    show : callable, default=str
        Names a label of the model.

    Yields
    ------
    None

    Raises
    ------
    click.ClickException
        For every ValueError and OSError inside the block, with its text.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.simplefilter("default", RuntimeWarning)
        warnings.simplefilter("ignore", ColumnWarning)  # commands tell by the names of the file
        try:
            yield
        except (ValueError, OSError) as error:
            raise click.ClickException(str(error)) from error
        finally:
            for text in dict.fromkeys(_text_of(item.message, ran, show) for item in caught):
                warn(text)


def _text_of(warning: Warning | str, ran: str, show: Callable[[Any], str]) -> str:
    """Return what a warning says; advice in Python becomes advice in options."""
    said = getattr(warning, "finding", None)
    if said is None:
        return str(warning)
    finding = said(show)
    if not isinstance(warning, WeakSignalWarning):
        return finding
    others = [
        options
        for options, same in _TO_COMPARE.items()
        if options != ran and not re.match(same, finding)
    ]
    return (
        f"{finding}. Compare the errors on held-out rows with those of {' and of '.join(others)}; "
        "with little signal, labels are few whatever the model"
    )


@contextmanager
def say_when_compiling() -> Iterator[None]:
    """Tell on the standard error, once, that the first run compiles and later ones do not.

    Yields
    ------
    None
    """
    from vilma._numba import announce_compilation

    with announce_compilation(
        lambda: click.echo(
            "first run: compiling kernels for this machine, some seconds; they are kept for later "
            "runs",
            err=True,
        )
    ):
        yield


def certificate(estimator: Any, seconds: float) -> str:
    """Describe how well a fitted estimator is known to have solved its problem.

    Parameters
    ----------
    estimator : VILMA, IISVOR_EXP or IISVOR_IMC
        Fitted.
    seconds : float
        How long the training took.

    Returns
    -------
    str
        Objective, lower bound, gap, iterations and seconds, on one line.
    """
    return (
        f"objective {estimator.objective_:.6g}, lower bound {estimator.lower_bound_:.6g}, "
        f"gap {estimator.gap_:.2e}, {estimator.n_iter_} iterations, {seconds:.1f} s"
    )


def describe_choice(estimator: Any) -> str:
    """Name a fitted estimator with its alpha, and its loss and correlation where it has them.

    Parameters
    ----------
    estimator : object
        Fitted, for one alpha or choosing by cross-validation.

    Returns
    -------
    str
        For example "PWVILMACV, alpha 0.1, loss mae, correlation 1: one direction".
    """
    parts = [type(estimator).__name__]
    for name in ("alpha", "loss", "correlation"):
        value = getattr(estimator, f"{name}_", getattr(estimator, name, None))
        if value is not None:
            parts.append(f"{name} {value if isinstance(value, str) else format(value, 'g')}")
    if parts[-1].startswith("correlation"):
        n = len(estimator.coef_)
        parts[-1] += ": one direction" if n == 1 else f": {n} directions"
    return ", ".join(parts)
