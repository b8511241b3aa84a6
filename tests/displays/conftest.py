"""What the tests of the pictures share."""

import matplotlib
import pytest

from vilma import IISVOR_IMC
from vilma.datasets import make_interval_problem

matplotlib.use("Agg")
from matplotlib import pyplot as plt


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def problem():
    return make_interval_problem(150, 4, n_classes=6, random_state=0)


@pytest.fixture(scope="module")
def model(problem):
    return IISVOR_IMC(alpha=0.01, classes=problem.classes).fit(problem.data, problem.target)
