"""The group of commands as a whole."""

import re
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("words", [["--help"], ["--version"], ["fit", "--help"], ["demo", "-h"]])
def test_help_that_cannot_be_written_is_told(words):
    command = [sys.executable, "-m", "vilma", *words]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: the standard output could not be written: [Errno 28]")
    assert result.stderr.count("\n") == 1


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
