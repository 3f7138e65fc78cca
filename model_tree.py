"""The module tree of a model."""

from __future__ import annotations

from .api import ModelSource, Run, tags_of
from .reporting.module_tree import Branch, module_tree
from .selection.node_instances import scope_counts


def tree(source: ModelSource | Run) -> Branch:
    """Return the root of the module tree, with the number of nodes in each module and below it.

    A call of a function counts as the nodes of the function.

    A run gives its tags, a tagged file those in it; any other model is tagged in memory. In a notebook, the tree shows
    itself. Raises HpassError if the model cannot be opened.
    """
    model, tag_of, modules = tags_of(source)
    return module_tree(scope_counts(model, tag_of), modules)
