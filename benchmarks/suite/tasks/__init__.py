"""The tasks, by the kind that configurations call them."""

from benchmarks.suite.tasks.base import Task
from benchmarks.suite.tasks.dense import Dense
from benchmarks.suite.tasks.faces import Faces
from benchmarks.suite.tasks.one_hot import OneHot

__all__ = ["TASKS", "Task"]

TASKS: dict[str, type[Task]] = {task.kind: task for task in (Dense, OneHot, Faces)}
