"""Leave out the models of a batch that its manifest says are done, and add those that this run does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .manifest import Entry, Manifest
from .remote_listing import remote_paths
from .task import Task
from .version import file_version


class Resume:
    """The tasks of a batch, some of which are done.

    `unfinished` are the tasks to run, in order, and `finished` the entries of the others. Raises HpassError if the
    folder of a target on another machine cannot be listed.
    """

    def __init__(self, manifest: Manifest, tasks: Sequence[Task]) -> None:
        self._manifest = manifest
        # Taken before the files are read: a file that changes while it is read counts as changed.
        self._versions = {task: file_version(task.source) for task in tasks}
        self.unfinished: list[Task] = []
        self.finished: list[Entry] = []
        written = {task: manifest.written(task, version) for task, version in self._versions.items()}
        present = _present([task for task, entry in written.items() if entry is not None])
        for task, entry in written.items():
            if entry is None or task not in present:
                self.unfinished.append(task)
            else:
                self.finished.append(entry)

    def add(self, task: Task, status: int, error: str, seconds: float | None) -> None:
        """Add what became of a task to the manifest. Raises HpassError if that cannot be written."""
        is_in_place = task.source == task.target
        version = file_version(task.target) if is_in_place else self._versions[task]
        self._manifest.add(task, Entry(status, version, str(task.target), error, seconds))


def _present(tasks: Sequence[Task]) -> set[Task]:
    """Return the tasks whose targets exist."""
    local = {task for task in tasks if isinstance(task.target, Path) and task.target.exists()}
    remote = {task: task.target for task in tasks if not isinstance(task.target, Path)}
    if not remote:
        return local
    paths = remote_paths(list(remote.values()))
    return local | {task for task, target in remote.items() if target.path in paths}
