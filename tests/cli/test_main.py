"""The group of commands as a whole."""

import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

import vilma
from vilma.cli import main
from vilma.cli.fit import fit
from vilma.cli.lbp import lbp
from vilma.features import FaceAligner
from vilma.losses import NAMED_LOSSES


def test_version():
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"vilma, version {vilma.__version__}\n"


@pytest.mark.parametrize("command", [[], *([name] for name in main.commands)])
def test_help(command):
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: {' '.join(['main', *command])}")


def test_help_loads_no_heavy_library():
    code = (
        "import sys; from vilma.cli import main; main(['fit', '--help'], standalone_mode=False); "
        "sys.exit(' '.join({'numpy', 'scipy', 'sklearn', 'numba'} & sys.modules.keys()) or None)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--alpha" in result.stdout


def test_every_named_loss_is_offered():
    (loss,) = (option for option in fit.params if option.name == "loss")
    assert sorted(loss.type.choices) == sorted(NAMED_LOSSES)


@pytest.mark.parametrize("name", ["layout", "warp", "several"])
def test_ways_of_alignment_are_known(name):
    (option,) = (option for option in lbp.params if option.name == name)
    for choice in option.type.choices:
        FaceAligner(**{name: choice}).fit()
    with pytest.raises(ValueError, match="must be one of") as raised:
        FaceAligner(**{name: "another"}).fit()
    known = set(re.findall(r"'(\w+)'", str(raised.value))) - {name, "another"}
    assert known == set(option.type.choices)
