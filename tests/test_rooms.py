"""The rooms of the package, from the ground floor up: none imports from a room above it."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Every room may use those before it in the list.
ROOMS = [
    "_wording",
    "_searches",
    "_masked",
    "_arguments",
    "_numbers",
    "_sparse",
    "_optional",
    "_atomic",
    "_fingerprint",
    "_sealed",
    "_named_rows",
    "_suspect_columns",
    "_numba",
    "_cholesky",
    "exceptions",
    "_row_container",
    "one_hot",
    "mapped",
    "mixed",
    "design_matrices",
    "labels",
    "losses",
    "surrogates",
    "thresholds",
    "solvers",
    "distributed",
    "intervals",
    "metrics",
    "likelihood",
    "inference",
    "estimators",
    "probability",
    "model_selection",
    "features",
    "datasets",
    "inspection",
    "displays",
    "deep",
    "persistence",
    "onnx",
    "demo",
    "cli",
    "__main__",
]

# What NumPy asks of a container when it joins several of them is answered by the container of
# several, which is made of these.
ALLOWED = {("vilma._row_container", "vilma.mixed")}


def modules():
    """Every module of the package with its file; ``features/`` is ``vilma.features``."""
    for folder, package in (("vilma", "vilma"), ("features", "vilma.features")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            if parts[-1] == "__init__":
                parts = parts[:-1]
            yield ".".join([package, *parts]), path


def imports(path):
    """Names of the package that a file imports, wherever in the file that is."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module == "vilma":
                yield from (f"vilma.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def room(module):
    parts = module.split(".")
    return parts[1] if parts[0] == "vilma" and len(parts) > 1 else None


def test_every_room_is_in_the_list():
    found = {room(module) for module, _ in modules()} - {None}
    assert found == set(ROOMS)


def test_no_room_imports_a_room_above_it():
    floor = {name: i for i, name in enumerate(ROOMS)}
    wrong = []
    for module, path in modules():
        here = room(module)
        if here is None:
            continue
        for imported in imports(path):
            there = room(imported)
            upwards = there in floor and floor[there] > floor[here]
            if upwards and (module, imported) not in ALLOWED:
                wrong.append(f"{module} imports {imported}")
    assert not wrong, "\n".join(wrong)


def test_no_two_modules_import_each_other():
    graph = {module: set() for module, _ in modules()}
    for module, path in modules():
        for imported in imports(path):
            if imported in graph and imported != module:
                graph[module].add(imported)
    # A package's own `__init__` gathers names of its modules, which is no circle among them.
    pairs = [
        (a, b)
        for a, used in graph.items()
        for b in used
        if a < b and a in graph[b] and not b.startswith(f"{a}.")
    ]
    assert set(pairs) <= ALLOWED


def test_the_table_of_equations_names_what_exists():
    text = (ROOT / "vilma/solvers/problem.py").read_text(encoding="utf-8")
    names = re.findall(r"^.*  (\w+\.[\w.]+)", text, flags=re.MULTILINE)
    assert len(names) > 25
    for name in names:
        found = importlib.import_module("vilma")
        for part in name.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                found = importlib.import_module(f"{found.__name__}.{part}")


def test_no_test_file_imports_another():
    wrong = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
            if module.startswith("tests") and module.rpartition(".")[2].startswith("test_"):
                wrong.append(f"{path.name} imports {module}")
    assert not wrong, "\n".join(wrong)
