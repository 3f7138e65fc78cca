"""Leave out the models of a batch that its manifest says are done, and add those that this run does."""

from __future__ import annotations

from collections.abc import Sequence

from .manifest import Entry, Manifest
from .task import Task
from .version import file_version, file_versions


class Resume:
    """The tasks of a batch, some of which are done.

    `unfinished` are the tasks to run, in order, and `finished` the entries of the others. Raises HpassError if an
    address cannot be reached.
    """

    def __init__(self, manifest: Manifest, tasks: Sequence[Task]) -> None:
        self._manifest = manifest
        # Taken before the files are read: a file that changes while it is read counts as changed.
        self._versions = dict(zip(tasks, file_versions([task.source for task in tasks]), strict=True))
        written = {task: manifest.written(task, version) for task, version in self._versions.items()}
        present = _present([task for task, entry in written.items() if entry is not None])
        self.unfinished = [task for task in tasks if task not in present]
        self.finished = [entry for task, entry in written.items() if entry is not None and task in present]

    def add(self, task: Task, status: int, error: str, seconds: float | None) -> None:
        """Add what became of a task to the manifest. Raises HpassError if that cannot be written."""
        is_in_place = task.source == task.target
        version = file_version(task.target) if is_in_place else self._versions[task]
        self._manifest.add(task, Entry(status, version, str(task.target), error, seconds))


def _present(tasks: Sequence[Task]) -> set[Task]:
    """Return the tasks whose targets exist."""
    versions = file_versions([task.target for task in tasks])
    return {task for task, version in zip(tasks, versions, strict=True) if version}
