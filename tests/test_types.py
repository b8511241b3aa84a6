"""Parameters of few values are typed as such, so that a type checker knows a wrong one."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from typing import Any, Literal, get_args, get_origin

import pytest

ROOMS = [
    "vilma",
    "vilma.datasets",
    "vilma.deep",
    "vilma.deep.coarse_labels",
    "vilma.deep.losses",
    "vilma.deep.objectives",
    "vilma.deep.protocols",
    "vilma.deep.views",
    "vilma.displays",
    "vilma.features",
    "vilma.inference",
    "vilma.intervals",
    "vilma.metrics",
    "vilma.model_selection",
]


def callables():
    """Every public function, constructor and method, with the docstring of its parameters."""
    found = {}
    for room in ROOMS:
        package = importlib.import_module(room)
        for name in package.__all__:
            thing = getattr(package, name)
            if inspect.isclass(thing):
                found[f"{room}.{name}"] = thing.__init__, inspect.getdoc(thing)
                for method, function in inspect.getmembers(thing, inspect.isfunction):
                    if not method.startswith("_") and function.__module__.startswith("vilma"):
                        key = f"{room}.{name}.{method}"
                        found[key] = function, inspect.getdoc(function)
            elif inspect.isfunction(thing):
                found[f"{room}.{name}"] = thing, inspect.getdoc(thing)
    return found


def choices(doc):
    """Return what the docstring says of parameters of few strings: {name: values}."""
    section = re.search(r"Parameters\n-+\n(.*?)(?=\n\n\w[\w ]*\n-+\n|\Z)", doc or "", re.S)
    found = {}
    for names, kind in re.findall(
        r"^(\w[\w, ]*) : ((?:.*\\\n)*.*)$", section[1] if section else "", re.M
    ):
        listed = re.match(r"\{(.*?)\}", kind.replace("\\\n", " "), re.S)
        if not listed:
            continue
        try:
            values = ast.literal_eval(f"[{listed[1]}]")
        except (SyntaxError, ValueError):
            continue  # {array-like, sparse matrix}
        for name in names.split(", "):
            found[name] = {value for value in values if isinstance(value, str)}
    return found


def literals(hint: Any) -> set[str]:
    """Return the strings that a type allows, in Literals, unions and sequences of them."""
    if get_origin(hint) is Literal:
        return {value for value in get_args(hint) if isinstance(value, str)}
    return {value for part in get_args(hint) for value in literals(part)}


CALLABLES = callables()
CHOICES = [
    (name, parameter, values)
    for name, (_, doc) in CALLABLES.items()
    for parameter, values in choices(doc).items()
]


def test_there_are_many():
    assert len(CHOICES) > 60


@pytest.mark.parametrize(("name", "parameter", "values"), CHOICES)
def test_documented_choices_are_literals(name, parameter, values):
    function, _ = CALLABLES[name]
    hint = inspect.signature(function).parameters[parameter].annotation
    assert literals(eval(hint, inspect.unwrap(function).__globals__)) == values
