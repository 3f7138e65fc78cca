"""The module tree of a model."""

from __future__ import annotations

from .api import ModelSource, Run, tags_of
from .reporting.module_tree import Branch, module_tree


def tree(source: ModelSource | Run) -> Branch:
    """Return the root of the module tree, with the number of nodes in each module and below it.

    A run gives its tags, a tagged file those in it; any other model is tagged in memory. In a notebook, the tree shows
    itself. Raises HpassError if the model cannot be opened.
    """
    model, tag_of, modules = tags_of(source)
    return module_tree((tag for node in model.nodes() if (tag := tag_of(node)) is not None), modules)
