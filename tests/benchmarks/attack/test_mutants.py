from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.attack.__main__ import main
from benchmarks.attack.mutants import KINDS, make_mutant
from benchmarks.attack.oracle import FAULTS
from benchmarks.attack.runner import examine_all
from benchmarks.attack.seeds import seeds
from benchmarks.attack.worker import Job

SOME = 300


def test_an_index_always_makes_the_same_mutant() -> None:
    known = seeds(None)
    mutants = [make_mutant(7, index, known) for index in range(SOME)]

    assert [make_mutant(7, index, known) for index in range(SOME)] == mutants
    assert {mutant.kind for mutant in mutants} == set(KINDS)
    assert len({mutant.data for mutant in mutants}) > 0.9 * SOME


def test_another_seed_makes_other_mutants() -> None:
    known = seeds(None)
    assert make_mutant(1, 0, known) != make_mutant(2, 0, known)


def test_seeds_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.onnx").write_text(name)
    (tmp_path / "large.onnx").write_bytes(bytes(50_000))
    assert seeds(tmp_path)[-2:] == [b"a", b"b"]


@pytest.mark.slow
def test_a_thousand_mutants_show_no_fault() -> None:
    records = list(examine_all(Job(20, None), range(1000), jobs=2))

    assert [record for record in records if record.outcome.verdict in FAULTS] == []
    assert sorted(record.index for record in records) == list(range(1000))


@pytest.mark.slow
def test_a_run_is_taken_up_where_it_was_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "records"
    main(["--mutants", "6", "--resume", str(file)])
    whole = capsys.readouterr().out
    file.write_text(file.read_text()[:-5])

    main(["--mutants", "6", "--resume", str(file)])

    assert capsys.readouterr().out == whole
    assert "| all | 6 |" in whole


def test_records_of_other_mutants_are_not_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "records"
    file.write_text('{"seed": 1, "corpus": null}\n')
    with pytest.raises(SystemExit, match="2"):
        main(["--seed", "2", "--resume", str(file)])
    assert "name another file" in capsys.readouterr().err


@pytest.mark.slow
def test_one_mutant_is_examined_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "3", "--save", str(tmp_path / "m.onnx")]) == 0
    assert (tmp_path / "m.onnx").read_bytes() == make_mutant(0, 3, seeds(None)).data
    assert capsys.readouterr().out.startswith("3: ")
