"""Inference of the modules of nodes that nothing names, from their order, the dataflow and repeated blocks.

The terms, as all files of this folder use them:

- A *module* is a number in the tree of called modules (`scope_tree.py`); a *node* is a number in node order.
- A node is *known* if it has a tag, else *unknown*. An *anchor* is a known node, or one that is
  aligned with a call of the module table (`call_alignment.py`). A *gap* is a run of unknown nodes.
- The *candidates* of an unknown node are modules that it may be in; a *row* is a pair (unknown node, candidate).
- The *features* of a row are numbers from which the *scoring model* computes the *score* of the candidate.
- The *assignment* gives every node a module and the probability of that module.

Comments beside constants say what other values change: the share of correct tags in percentage points, or the number of
tags. This was measured with `python -m benchmarks.accuracy --constant` on 34 exports (cases aux, random, and stripped
without and with a module table: 21,238 tags) without a new fit. It says how sensitive tags are, not which value is
best.

The files by level: `problem.py` is the input; `feature_context.py`, `features.py` and `node_features.py` turn it into
numbers; `scoring_model.py` scores them; `predict.py` runs the rounds.
"""
