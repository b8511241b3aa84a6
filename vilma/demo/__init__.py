"""The demonstration behind ``vilma demo``: a task, a comparison on it, and a picture.

``survey`` makes a task of the survey that comes with the package, ``photographs`` of the sample
photographs of scikit-image, ``folder`` of images and labels of the user's; ``comparison`` trains
and measures; ``picture`` draws the result.
"""

from vilma.demo.comparison import Comparison, compare
from vilma.demo.folder import folder_task
from vilma.demo.photographs import photographs_task
from vilma.demo.survey import survey_task
from vilma.demo.task import Task, Vagueness

__all__ = [
    "Comparison",
    "Task",
    "Vagueness",
    "compare",
    "folder_task",
    "photographs_task",
    "survey_task",
]
