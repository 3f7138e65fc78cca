from __future__ import annotations

from benchmarks.architectures.isolated import Record
from benchmarks.architectures.sweep_page import sweep_page

GOOD: Record = {
    "engine": "dynamo", "inputs": ["ids"], "nodes": 10, "modules": 3, "auxiliary": 2, "coverage": 1.0, "errors": [],
    "invented": [], "never called": [], "wrong classes": [], "difference": 1e-6, "relative": 1e-7,
}  # fmt: skip
APART = {**GOOD, "difference": 0.5, "relative": 0.5}


def test_each_architecture_has_a_verdict() -> None:
    records: dict[str, Record] = {
        "good": GOOD,
        "part": {**GOOD, "left out": ["head"]},
        "chance": {**APART, "instability": "chance"},
        "apart": APART,
        "odd": {"stage": "model", "failure": "a|b", "by default": True},
        "slow": {"stage": "limit", "failure": "too slow"},
    }
    text = sweep_page(records, {kind: f"{kind.title()}Model" for kind in (*records, "untried")})
    assert "6 of 7 architectures tried; the run was stopped, and nothing is known of the other 1:" in text
    assert "| good | GoodModel | ids | dynamo | 10 | 3 | 2 | exported, tagged, agrees |" in text
    assert "agrees, but without a part of the model: head |" in text
    assert "| exported and tagged, torch differs from itself: outputs differ by 5.0e-01; chance |" in text
    assert "| exported and tagged, with a remark: outputs differ by 5.0e-01 |" in text
    assert "| odd | OddModel |  |  |  |  |  | failed (default config): a/b |" in text
    assert "| failed (limit) | 1 |" in text
