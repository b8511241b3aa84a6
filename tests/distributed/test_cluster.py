"""Partitions on a Dask cluster of this machine: sources, faults, and what does not reach it."""

import contextlib
import os
import signal
import threading
import time

import numpy as np
import pytest

pytest.importorskip("distributed")

import dask
import dask.array as da
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError

import vilma.distributed.dask_engine as dask_engine
from vilma import (
    IISVOR_EXP,
    IISVOR_IMC,
    IISVOR_IMCCV,
    VILMA,
    VILMACV,
    MappedMatrix,
    OneHotCodes,
    save_mapped,
)
from vilma.distributed import PartitionedMatrix

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def client():
    """Two workers in threads of this process: what does not need processes to die."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def processes(request):
    """Two worker processes, asked through the scheduler unless the parameter says directly."""
    direct = getattr(request, "param", False)
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
        ) as cluster,
        Client(cluster, direct_to_workers=direct) as client,
    ):
        yield cluster, client


def make_rows(m=600, n_features=3):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(m, n_features))
    s = X @ np.arange(1.0, n_features + 1.0) + rng.normal(size=m)
    y = np.searchsorted([-3.0, -1.0, 1.0, 3.0], s)
    return X, np.stack([np.maximum(y - 1, 0), np.minimum(y + 1, 4)], axis=1)


def make_block(first, stop):
    return make_rows()[0][first:stop]


def make_blocks():
    return [dask.delayed(make_block)(k, k + 100) for k in range(0, 600, 100)]


@pytest.mark.parametrize(
    "model", [IISVOR_IMC(0.01), IISVOR_EXP(0.01), VILMA(0.01, loss="squared")], ids=repr
)
def test_fits_are_those_of_rows_in_one_place(client, model):
    X, y = make_rows()
    P = PartitionedMatrix.from_dask(da.from_array(X, chunks=(250, 2)), client=client)
    model.set_params(tol=1e-8).fit(P, y)
    assert P.shape == (600, 3)
    expected = type(model)(**model.get_params()).fit(X, y)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-8)
    assert model.gap_ <= 1e-8
    predicted = model.predict(P)
    assert isinstance(predicted, da.Array)
    assert predicted.compute().tolist() == model.predict(X).tolist()
    assert model.decision_function(P).compute() == pytest.approx(model.decision_function(X))
    assert model.project(P).compute() == pytest.approx(X @ model.coef_)


@pytest.mark.parametrize("form", ["chunks", "other chunks", "memory", "list"])
def test_labels_and_weights_of_every_form(client, form):
    X, y = make_rows()
    weight = np.arange(600.0) % 3
    P = PartitionedMatrix.from_dask(da.from_array(X, chunks=(200, 3)), client=client)
    if form == "chunks":
        given = da.from_array(y, chunks=(200, 1)), da.from_array(weight, chunks=200)
    elif form == "other chunks":
        given = da.from_array(y, chunks=(150, 2)), da.from_array(weight, chunks=111)
    else:
        given = (y, weight) if form == "memory" else (y.tolist(), weight.tolist())
    model = IISVOR_IMC(0.01, tol=1e-8).fit(P, *given)
    expected = IISVOR_IMC(0.01, tol=1e-8).fit(X, y, weight)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-8)


def test_a_data_frame_with_a_column_of_labels(client):
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    X, y = make_rows()
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=y[:, 0], z=y[:, 1])
    frame = dd.from_pandas(table, npartitions=4)
    P = PartitionedMatrix.from_dask(frame[["a", "b", "c"]], client=client)
    assert np.isnan(P.shape[0])
    model = IISVOR_IMC(0.01, tol=1e-8).fit(P, frame["y"])
    expected = IISVOR_IMC(0.01, tol=1e-8).fit(table[["a", "b", "c"]], y[:, 0])
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-8)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.predict(P).compute().tolist() == expected.predict(table[["a", "b", "c"]]).tolist()
    both = IISVOR_IMC(0.01, tol=1e-8).fit(P, frame[["y", "z"]])
    assert both.objective_ == pytest.approx(
        IISVOR_IMC(0.01, tol=1e-8).fit(X, y).objective_, rel=1e-8
    )
    # In memory, where the lengths of partitions have to be asked for.
    again = IISVOR_IMC(0.01, tol=1e-8).fit(P, table["y"])
    assert again.objective_ == pytest.approx(expected.objective_, rel=1e-8)


def test_zarr(client, tmp_path):
    zarr = pytest.importorskip("zarr")
    X, y = make_rows()
    for name, values, chunks in (("X", X, (250, 2)), ("y", y, (130, 2))):
        stored = zarr.open(
            tmp_path / name, mode="w", shape=values.shape, chunks=chunks, dtype=values.dtype
        )
        stored[:] = values
    P = PartitionedMatrix.from_dask(da.from_zarr(tmp_path / "X"), client=client)
    model = IISVOR_IMC(0.01, tol=1e-8).fit(P, da.from_zarr(tmp_path / "y"))
    expected = IISVOR_IMC(0.01, tol=1e-8).fit(X, y)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-8)
    assert model.predict(P).compute().tolist() == expected.predict(X).tolist()


def test_parquet(client, tmp_path):
    dd = pytest.importorskip("dask.dataframe")
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    X, y = make_rows()
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(low=y[:, 0], high=y[:, 1])
    (tmp_path / "rows").mkdir()
    for k, rows in enumerate(np.array_split(np.arange(len(table)), 3)):
        table.iloc[rows].to_parquet(tmp_path / "rows" / f"part.{k}.parquet")
    frame = dd.read_parquet(tmp_path / "rows")
    P = PartitionedMatrix.from_dask(frame[["a", "b", "c"]], client=client)
    model = IISVOR_IMC(0.01, tol=1e-8).fit(P, frame[["low", "high"]])
    expected = IISVOR_IMC(0.01, tol=1e-8).fit(X, y)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-8)
    label = frame["low"]  # little of every file: Dask reads several as one
    assert len(label.to_delayed()) < len(frame[["a", "b", "c"]].to_delayed())
    model = IISVOR_IMC(0.01, tol=1e-8).fit(P, label)
    expected = IISVOR_IMC(0.01, tol=1e-8).fit(X, y[:, 0])
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-8)


def test_messages_about_labels_show_them(client):
    X, y = make_rows()
    P = PartitionedMatrix.from_dask(da.from_array(X, chunks=(40, -1)), client=client)
    wrong = y.copy()
    wrong[70] = [3, 1]
    with pytest.raises(ValueError, match=r"distinct annotations are read.*is \[3, 1\]"):
        VILMA().fit(P, wrong)
    with pytest.raises(ValueError, match="y is None"):
        VILMA().fit(P, None)
    with pytest.raises(ValueError, match="at least one non-zero number"):
        VILMA().fit(P, y, sample_weight=np.zeros(len(y)))


def test_folders_and_codes(client, tmp_path):
    rng = np.random.default_rng(1)
    codes = OneHotCodes(rng.integers(0, 4, (90, 5)), 4)
    y = codes.codes[:, 0].astype(int)
    folders = []
    for k, rows in enumerate((slice(0, 40), slice(40, 90))):
        save_mapped(codes[rows], tmp_path / str(k))
        folders.append(tmp_path / str(k))
    expected = IISVOR_IMC(0.1, tol=1e-8).fit(codes, y)
    pieces = [dask.delayed(codes[rows]) for rows in (slice(0, 40), slice(40, 90))]
    for P in (
        PartitionedMatrix.from_folders(folders, client=client),
        PartitionedMatrix.from_delayed(pieces, 20, client=client),
    ):
        model = IISVOR_IMC(0.1, tol=1e-8).fit(P, y)
        assert model.objective_ == pytest.approx(expected.objective_, rel=1e-8)
        assert model.predict(P).compute().tolist() == expected.predict(codes).tolist()


def test_rows_beyond_their_memory_stay_on_disk(tmp_path, monkeypatch, client):
    X, y = make_rows()
    save_mapped(X, tmp_path / "X")
    opened = MappedMatrix.open

    monkeypatch.setattr(MappedMatrix, "open", lambda path: opened(path, max_memory=4000))
    P = PartitionedMatrix.from_folders([tmp_path / "X"], client=client)
    model = IISVOR_IMC(0.01, tol=1e-6).fit(P, y)
    assert model.objective_ == pytest.approx(
        IISVOR_IMC(0.01, tol=1e-6).fit(X, y).objective_, rel=1e-6
    )


def test_rows_stay_loaded_until_other_labels_come(client):
    X, y = make_rows()
    P = PartitionedMatrix.from_dask(da.from_array(X, chunks=(200, 3)), client=client)
    first = P.load(y)
    assert P.load(y.copy()) is first
    other = P.load(y[::-1])
    assert other is not first
    assert first.engine.closed
    P.release()
    assert other.engine.closed


def test_partitions_are_packed(client):
    X, y = make_rows()
    counts = []
    for rows_per_part in (0, 250, 100_000):
        P = PartitionedMatrix.from_dask(
            da.from_array(X, chunks=(100, 3)), client=client, rows_per_part=rows_per_part
        )
        counts.append(len(P.load(y).engine.map("describe")))
        model = IISVOR_IMC(0.01, tol=1e-8).fit(P, y)
        assert model.objective_ == pytest.approx(
            IISVOR_IMC(0.01, tol=1e-8).fit(X, y).objective_, rel=1e-8
        )
    assert counts == [6, 4, 2]


@pytest.mark.parametrize(
    ("rows", "labels", "text"),
    [
        (lambda: np.full((5, 2), np.nan), np.arange(5) % 2, "Partition 1: Input X contains NaN"),
        (lambda: np.ones((4, 2)), np.arange(5) % 2, "Partition 1: it has 4 rows of X and 5 of y"),
        (lambda: 1 / 0, np.arange(5) % 2, "[Pp]artition"),
    ],
)
def test_a_partition_that_cannot_be_read_is_named(client, rows, labels, text):
    blocks = [dask.delayed(np.ones)((5, 2)), dask.delayed(rows)()]
    P = PartitionedMatrix.from_delayed(blocks, 2, lengths=[5, 5], client=client)
    with pytest.raises(RuntimeError, match=text):
        IISVOR_IMC().fit(P, np.concatenate([labels, labels]))


def test_an_error_of_a_call_says_where_it_came_from(client):
    X, y = make_rows()
    P = PartitionedMatrix.from_dask(da.from_array(X, chunks=(300, 3)), client=client)
    engine = P.load(y).engine
    with pytest.raises(AttributeError) as caught:
        engine.sum("no_such_method")
    assert "This came from partition" in caught.value.__notes__[0]


def test_wrong_calls():
    with pytest.raises(TypeError, match="dask array or data frame, got ndarray"):
        PartitionedMatrix.from_dask(np.eye(3))
    with pytest.raises(ValueError, match="two dimensions"):
        PartitionedMatrix.from_dask(da.ones(5))
    with pytest.raises(ValueError, match="no partition"):
        PartitionedMatrix.from_delayed([], 3)
    with pytest.raises(TypeError, match="list of paths"):
        PartitionedMatrix.from_folders("somewhere")


def test_numbers_of_rows_have_to_agree(client):
    X, y = make_rows()
    P = PartitionedMatrix.from_dask(da.from_array(X, chunks=(200, 3)), client=client)
    with pytest.raises(ValueError, match="600 rows and y 599"):
        P.load(y[:-1])
    with pytest.raises(ValueError, match="600 rows and y 599"):
        P.load(da.from_array(y[:-1], chunks=200))
    with pytest.raises(ValueError, match="columns, but n_features=4"):
        PartitionedMatrix.from_delayed(make_blocks(), 4, client=client).load(y)


def test_other_versions_are_told(client, monkeypatch):
    X, y = make_rows()
    there = dask_engine._versions()
    monkeypatch.setattr(dask_engine, "_versions", lambda: there)
    answers = {}
    monkeypatch.setattr(client, "run", lambda *_, **__: answers)
    P = PartitionedMatrix.from_dask(da.from_array(X, chunks=(200, 3)), client=client)
    answers["tcp://a"] = {**there, "vilma": "0.0.1"}
    with pytest.raises(RuntimeError, match=r"tcp://a has vilma 0\.0\.1 and the client"):
        P.load(y)
    answers["tcp://a"] = ModuleNotFoundError("No module named 'vilma'")
    with pytest.raises(RuntimeError, match="cannot import vilma"):
        P.load(y)
    answers["tcp://a"] = CommClosedError("the worker is gone")
    assert P.load(y).shape == (600, 3)
    P.release()
    answers["tcp://a"] = {**there, "numpy": "1.0"}
    with pytest.warns(RuntimeWarning, match="numpy 1.0"):
        P.load(y)


def test_a_client_is_needed(monkeypatch):
    def get_client():
        raise ValueError("No clients found")

    monkeypatch.setattr("distributed.get_client", get_client)
    P = PartitionedMatrix.from_dask(da.ones((4, 2), chunks=2))
    with pytest.raises(ValueError, match="no client of a Dask cluster"):
        P.load(np.arange(4) % 2)


def test_cross_validation_does_not_depend_on_how_partitions_are_packed(client):
    X, y = make_rows()
    scores = []
    for rows_per_part in (0, 100_000):
        P = PartitionedMatrix.from_dask(
            da.from_array(X, chunks=(100, 3)), client=client, rows_per_part=rows_per_part
        )
        model = VILMACV([0.1, 0.001], cv=3, tol=1e-6).fit(P, y)
        scores.append(model.cv_scores_)
        assert model.predict(P).compute().tolist() == model.predict(X).tolist()
    assert scores[0] == pytest.approx(scores[1], abs=0.01)


class Kill:
    """Kills a worker process within a call of the engine."""

    def __init__(self, cluster, engine, call):
        self._workers, self._left = cluster.workers, call
        self._ask = engine._ask
        engine._ask = self
        self.done = False

    def __call__(self, group, *args):
        out = self._ask(group, *args)
        self._left -= 1
        if self._left == 0:
            nanny = next(n for n in self._workers.values() if n.worker_address == group.address)
            os.kill(nanny.process.pid, signal.SIGKILL)
            self.done = True
        return out


@pytest.mark.parametrize(
    ("processes", "call"), [(False, 1), (False, 20), (True, 20)], indirect=["processes"]
)
def test_a_worker_that_is_lost_costs_no_more_than_time(processes, call):
    cluster, client = processes
    y = make_rows()[1]
    P = PartitionedMatrix.from_delayed(make_blocks(), 3, client=client, rows_per_part=0)
    expected = IISVOR_IMC(0.01, tol=1e-6).fit(P, y)
    killing = Kill(cluster, P.load(y).engine, call)
    model = IISVOR_IMC(0.01, tol=1e-6).fit(P, y)
    assert killing.done
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-6)
    assert model.gap_ <= 1e-6
    assert model.n_iter_ >= 1


def slow_one():
    time.sleep(3.0)
    return 1.0


def make_scaled_block(scale, start, stop):
    return scale * make_block(start, stop)


def test_a_worker_that_is_lost_while_it_makes_what_all_partitions_need(processes):
    cluster, client = processes
    y = make_rows()[1]
    scale = dask.delayed(slow_one)()
    make = dask.delayed(make_scaled_block)
    blocks = [make(scale, k, k + 100) for k in range(0, 600, 100)]
    P = PartitionedMatrix.from_delayed(blocks, 3, client=client, lengths=[100] * 6, patience=15.0)
    killed = []

    def kill():
        while not killed:
            time.sleep(0.1)
            task = cluster.scheduler.tasks.get(scale.key)
            if task is not None and task.processing_on is not None:
                address = task.processing_on.address
                nanny = next(n for n in cluster.workers.values() if n.worker_address == address)
                os.kill(nanny.process.pid, signal.SIGKILL)
                killed.append(address)

    killer = threading.Thread(target=kill)
    killer.start()
    model = IISVOR_IMC(0.01, tol=1e-6).fit(P, y)
    killer.join()
    expected = IISVOR_IMC(0.01, tol=1e-6).fit(make_rows()[0], y)
    assert model.objective_ == pytest.approx(expected.objective_, rel=1e-6)


def test_a_worker_that_is_lost_in_a_fold_leaves_the_scores_as_they_are(processes):
    cluster, client = processes
    y = make_rows()[1]
    P = PartitionedMatrix.from_delayed(make_blocks(), 3, client=client, rows_per_part=0)
    expected = IISVOR_IMCCV([0.1, 0.01], cv=3, tol=1e-6).fit(P, y)
    killing = Kill(cluster, P.load(y).engine, 60)
    model = IISVOR_IMCCV([0.1, 0.01], cv=3, tol=1e-6).fit(P, y)
    assert killing.done
    assert model.cv_scores_ == pytest.approx(expected.cv_scores_, abs=0.01)
    assert model.gap_ <= 1e-6


def test_rows_that_cannot_be_had_again_end_the_fit_with_an_error(processes):
    cluster, client = processes
    y = make_rows()[1]
    scattered = client.scatter([make_block(k, k + 100) for k in range(0, 600, 100)])
    blocks = [dask.delayed(each) for each in scattered]
    P = PartitionedMatrix.from_delayed(blocks, 3, client=client, patience=10.0)
    IISVOR_IMC(0.01).fit(P, y)
    killing = Kill(cluster, P.load(y).engine, 3)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"gone, and the rows cannot be had again"):
        IISVOR_IMC(0.01).fit(P, y)
    assert killing.done
    assert time.monotonic() - start < 30.0


def test_a_scheduler_that_is_gone_ends_the_fit_with_an_error():
    y = make_rows()[1]
    cluster = LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    client = Client(cluster)
    P = PartitionedMatrix.from_delayed(make_blocks(), 3, client=client, patience=5.0)
    IISVOR_IMC(0.01).fit(P, y)
    cluster.close()
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="scheduler of the Dask cluster"):
        IISVOR_IMC(0.02).fit(P, y)
    assert time.monotonic() - start < 30.0
    with contextlib.suppress(Exception):
        client.close(timeout=1)


def test_an_interrupt_lets_go_of_the_rows(client, monkeypatch):
    y = make_rows()[1]
    P = PartitionedMatrix.from_delayed(make_blocks(), 3, client=client)
    engine = P.load(y).engine
    answer, count = engine._answer, 0

    def interrupted(*args):
        nonlocal count
        count += 1
        if count == 6:
            raise KeyboardInterrupt
        return answer(*args)

    monkeypatch.setattr(engine, "_answer", interrupted)
    model = IISVOR_IMC(0.01)
    with pytest.raises(KeyboardInterrupt):
        model.fit(P, y)
    assert engine.closed
    assert not hasattr(model, "coef_")
    assert IISVOR_IMC(0.01).fit(P, y).gap_ <= 1e-3  # loaded anew


def test_a_real_interrupt_arrives(processes):
    _, client = processes
    y = make_rows()[1]
    P = PartitionedMatrix.from_delayed(make_blocks(), 3, client=client)
    engine = P.load(y).engine
    ask = engine._ask
    started = threading.Event()

    def slowly(group, *args):
        started.set()
        return ask(group, *args)

    engine._ask = slowly

    def interrupt():
        started.wait(20.0)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    model = IISVOR_IMC(1e-9, tol=0.0, max_iter=100_000)
    with pytest.raises(KeyboardInterrupt):
        model.fit(P, y)
    thread.join()
    assert engine.closed
