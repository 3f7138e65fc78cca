"""Training of the scoring model of inference: `python -m training.fit` writes `inference/weights.json`.

The training set (`dataset.py`) is the accuracy benchmark's chosen models and those of its wide set that are not held
out, with some evidence hidden. Statistics of it are estimated first (`statistics_fit.py`), then the networks are fitted
(`network_fit.py`), and the thresholds of confidence are chosen by cross-validation (`calibration.py`).

A *regime* is a set of cases with about the same evidence, and has a scoring model of its own: in `dense` many nodes are
known (the benchmark's cases aux and random), in `sparse` few (stripped), and in `table` few, with a module table.
"""
