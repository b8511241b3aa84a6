"""The demonstration behind ``vilma demo``: a task, a comparison on it, and a picture.

``photographs`` makes a task from the sample photographs of scikit-image, ``folder`` from images
and labels of the user's; ``comparison`` trains and measures; ``picture`` draws the result.
"""

from vilma.demo.comparison import Comparison, compare
from vilma.demo.folder import folder_task
from vilma.demo.photographs import photographs_task
from vilma.demo.task import Task

__all__ = ["Comparison", "Task", "compare", "folder_task", "photographs_task"]
