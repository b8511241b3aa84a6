"""The tasks, by the kind that configurations call them."""

from benchmarks.tasks.base import Task
from benchmarks.tasks.dense import Dense
from benchmarks.tasks.faces import Faces
from benchmarks.tasks.one_hot import OneHot

__all__ = ["TASKS", "Task"]

TASKS: dict[str, type[Task]] = {task.kind: task for task in (Dense, OneHot, Faces)}
