"""The benchmark of rows on a cluster, on few rows."""

import pytest

pytest.importorskip("distributed")

from distributed import Client, LocalCluster

from benchmarks.distributed import TASKS, compare


def test_objectives_in_memory_and_in_parts_are_within_the_gap():
    data = TASKS["dense"](400)
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        (line,) = compare(client, data, ["VILMA, squared"], 1)
    name, *numbers = (cell.strip() for cell in line.strip("|").split("|"))
    assert name == "VILMA, squared"
    *_, apart, gap_in_memory, gap_in_parts = map(float, (n.replace(",", "") for n in numbers))
    assert max(gap_in_memory, gap_in_parts) <= data.tol
    assert abs(apart) <= data.tol
