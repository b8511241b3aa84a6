"""The group of commands as a whole."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

import vilma
from vilma.cli import main
from vilma.cli.fit import fit
from vilma.losses import NAMED_LOSSES


def test_version():
    result = CliRunner().invoke(main, ["--version"])
    assert result.exit_code == 0
    assert result.output == f"vilma, version {vilma.__version__}\n"


@pytest.mark.parametrize("command", [[], ["lbp"], ["fit"], ["predict"], ["evaluate"], ["demo"]])
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
