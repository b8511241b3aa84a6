"""The group of commands behind ``vilma``.

The commands import NumPy, scikit-learn and Numba when they run, so that ``vilma --help`` and the
completion of a shell stay fast.
"""

from __future__ import annotations

import click

import vilma
from vilma.cli._command import CommandGroup
from vilma.cli.demo import demo
from vilma.cli.embed import embed
from vilma.cli.evaluate import evaluate
from vilma.cli.fit import fit
from vilma.cli.lbp import lbp
from vilma.cli.predict import predict


@click.group(
    cls=CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 99},
)
@click.version_option(vilma.__version__, prog_name="vilma")
def main() -> None:
    """Linear ordinal classification from interval labels, with a certified optimum.

    \b
    A survey, from start to end; `fit` prints the error on rows that it holds out:
        vilma fit survey.csv --label income -o model.vilma
        vilma predict model.vilma new.csv -o predictions.csv

    \b
    A folder of face photographs with ages:
        vilma lbp faces/ -o features.npz
        vilma fit features.npz ages.csv -o model.vilma
        vilma lbp new-faces/ -o new.npz
        vilma predict model.vilma new.npz -o predictions.csv

    `vilma evaluate` measures a model on other rows with labels, and writes a report. `vilma embed`
    computes features by a pretrained network instead of `vilma lbp`.

    Nothing at hand? `vilma demo` compares vilma with midpoints on a survey that comes with it.
    """  # noqa: D301 (click reads the backspace: keep these line ends)


for _command in (lbp, embed, fit, predict, evaluate, demo):
    main.add_command(_command)
