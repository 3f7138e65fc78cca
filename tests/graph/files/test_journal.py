"""What a run that was killed had begun is completed by the next command, or refused; a journal is never trusted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnx.parser
import pytest
from skips import not_as_root, posix_only

import hpass
from hpass.errors import HpassError
from hpass.graph.files import transaction as transactions
from hpass.graph.files.journal import recover
from hpass.graph.files.transaction import Transaction

pytestmark = posix_only


OLD, NEW = b"an old file", b"a new file"
NAMES = ("a.bin", "below/b.bin", "new/c.bin", "model.onnx")


def model(doc_string: str) -> bytes:
    made = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (float[2] y) { y = Relu(x) }'
    )
    made.doc_string = doc_string
    return made.SerializeToString()


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with an old set of files and the journal of a run that was killed right after its commit."""

    def die(*_: object, **__: object) -> None:
        raise SystemExit

    for name in (*NAMES[:2], NAMES[3]):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(OLD)
    (tmp_path / "model.onnx").write_bytes(model("old"))
    monkeypatch.setattr(transactions, "move_into_place", die)
    monkeypatch.setattr(transactions, "undo", die)
    monkeypatch.setattr(transactions, "remove_staging", lambda _, lock: lock.close())
    with pytest.raises(SystemExit):
        write_set(tmp_path)
    monkeypatch.undo()
    assert (tmp_path / ".hpass-journal").is_dir()
    return tmp_path


def write_set(folder: Path) -> None:
    with Transaction(folder / "model.onnx") as transaction:
        for name in NAMES:
            data = model("new") if name == "model.onnx" else NEW
            transaction.write(folder / name, lambda file, data=data: file.write(data))


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def expected(doc_string: str) -> dict[str, bytes]:
    data, names = (OLD, (*NAMES[:2], NAMES[3])) if doc_string == "old" else (NEW, NAMES)
    return {name: model(doc_string) if name == "model.onnx" else data for name in names}


def visible(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in content(folder).items() if not name.startswith(".hpass-")}


@pytest.mark.parametrize(
    "command",
    [
        hpass.load,
        hpass.validate,
        lambda path: hpass.load(path.with_name("link.onnx")),
    ],
    ids=["load", "validate", "through a link"],
)
def test_whoever_reads_the_set_completes_it(killed: Path, command: Callable[[Path], object]) -> None:
    elsewhere = killed.with_name("elsewhere")
    elsewhere.mkdir(exist_ok=True)
    link = killed / "link.onnx"
    link.symlink_to("model.onnx")
    command(killed / "model.onnx")
    link.unlink()
    assert content(killed) == expected("new")


def test_a_link_from_elsewhere_leads_to_the_journal(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("elsewhere") / "link.onnx"
    link.symlink_to(killed / "model.onnx")
    hpass.load(link)
    assert content(killed) == expected("new")


def test_whoever_writes_in_the_folder_completes_it_first(killed: Path) -> None:
    hpass.load(onnx.load_from_string(model("other"))).save(killed / "other.onnx")
    other = content(killed).pop("other.onnx")
    assert content(killed) == expected("new") | {"other.onnx": other}


@pytest.mark.parametrize("placed", [(0,), (0, 1), (2,), (0, 1, 2), (3,)])
def test_what_is_in_its_place_already_stays_there(killed: Path, placed: tuple[int, ...]) -> None:
    for number in placed:
        (killed / NAMES[number]).parent.mkdir(exist_ok=True)
        (killed / ".hpass-journal" / str(number)).replace(killed / NAMES[number])
    recover(killed)
    assert content(killed) == expected("new")


def test_a_journal_without_work_left_goes_whatever_has_been_written_since(killed: Path) -> None:
    for number, name in enumerate(NAMES):
        (killed / ".hpass-journal" / str(number)).unlink()
        (killed / name).parent.mkdir(exist_ok=True)
        (killed / name).write_bytes(b"newer")
    recover(killed)
    assert content(killed) == dict.fromkeys(NAMES, b"newer")


def test_an_empty_journal_goes(tmp_path: Path) -> None:
    (tmp_path / ".hpass-journal").mkdir()
    recover(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_gone_comes_back_new(killed: Path) -> None:
    (killed / "a.bin").unlink()
    recover(killed)
    assert content(killed) == expected("new")


def edited(folder: Path) -> Any:
    """Return the list of the journal, to be changed."""
    return json.loads((folder / ".hpass-journal" / "journal.json").read_text())


def put(folder: Path, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / ".hpass-journal" / "journal.json").write_text(text)


def rename_entry(name: object) -> Callable[[Path], None]:
    def rename(folder: Path) -> None:
        journal = edited(folder)
        journal["files"][0]["name"] = name
        journal["files"][0]["replaces"] = None
        put(folder, journal)

    return rename


def set_field(*path: str | int, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        journal = holder = edited(folder)
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value
        put(folder, journal)

    return change


def drop_field(*path: str | int) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        journal = holder = edited(folder)
        for key in path[:-1]:
            holder = holder[key]
        del holder[path[-1]]
        put(folder, journal)

    return change


def replace_by_pipe(folder: Path) -> None:
    path = folder / ".hpass-journal" / "journal.json"
    path.unlink()
    os.mkfifo(path)


def replace_by_link(folder: Path) -> None:
    path = folder / ".hpass-journal" / "journal.json"
    path.rename(folder / ".hpass-journal" / "elsewhere")
    path.symlink_to("elsewhere")


def link_folder_out(folder: Path) -> None:
    shutil.rmtree(folder / "below")
    (folder / "below").symlink_to(folder.parent)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a list that is no JSON": (lambda folder: put(folder, "{"), "its list of files is damaged"),
    "a list that is empty": (lambda folder: put(folder, ""), "its list of files is damaged"),
    "a list without end": (lambda folder: put(folder, "[" * 100_000), "its list of files is damaged"),
    "a number without end": (lambda folder: put(folder, "9" * 10_000), "its list of files is damaged"),
    "a list that is a list": (lambda folder: put(folder, []), "its list of files is damaged"),
    "a list that is missing": (
        lambda folder: (folder / ".hpass-journal" / "journal.json").unlink(),
        "without a list of its files",
    ),
    "a list that is a pipe": (replace_by_pipe, "its list of files is damaged"),
    "a list that is a link": (replace_by_link, "cannot be completed here"),
    "a later version": (set_field("version", value=2), "it is of version 2, which this hpass does not know"),
    "a size that is text": (set_field("files", 0, "size", value="1"), "its list of files is damaged"),
    "a size that is true": (set_field("files", 0, "size", value=True), "its list of files is damaged"),
    "no size": (drop_field("files", 0, "size"), "its list of files is damaged"),
    "no name": (drop_field("files", 0, "name"), "its list of files is damaged"),
    "files that are no list": (set_field("files", value=3), "its list of files is damaged"),
    "a staged file that was changed": (
        lambda folder: (folder / ".hpass-journal" / "0").write_bytes(b"tampered with"),
        "its copy of 'a.bin' is not what the run made",
    ),
    "a staged file that is gone": (
        lambda folder: (folder / ".hpass-journal" / "0").unlink(),
        "'a.bin' has changed since",
    ),
    "a file that was written since": (
        lambda folder: (folder / "a.bin").write_bytes(b"newer than both"),
        "'a.bin' has changed since",
    ),
    "a folder that became a link": (link_folder_out, "it lists 'below/b.bin', which is not a valid place"),
    "a file that became a folder": (
        lambda folder: ((folder / "a.bin").unlink(), (folder / "a.bin").mkdir()),
        "'a.bin' has changed since",
    ),
    "a folder that became a file": (
        lambda folder: (shutil.rmtree(folder / "below"), (folder / "below").write_bytes(b"")),
        "cannot be completed here (Not a directory)",
    ),
} | {
    f"the name {name!r:.40}": (rename_entry(name), f"it lists {name!r:.200}, which is not a valid place for a file")
    for name in [
        "", ".", "..", "/", "../precious", "below/../../precious", "below/../a.bin", "./a.bin", "below//b.bin",
        "/etc/precious", "a\0b", ".git/hooks/post-commit", "below/.hidden/x", "below/.", "x/" * 5000 + "x",
        "a\u200cb/c", None, 7, ["a"],
    ]
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_journal_that_does_not_fit_is_refused_in_one_line_and_nothing_is_touched(killed: Path, damage: str) -> None:
    harm, said = DAMAGES[damage]
    harm(killed)
    before = visible(killed)
    precious = sorted(path.name for path in killed.parent.iterdir())
    for command in (
        lambda: hpass.load(killed / "model.onnx"),
        lambda: hpass.load(onnx.load_from_string(model("x"))).save(killed / "other.onnx"),
    ):
        with pytest.raises(HpassError) as refusal:
            command()
        text = str(refusal.value)
        assert text.startswith(f"{killed / '.hpass-journal'}: left by an interrupted run, and ")
        assert said in text
        assert text.endswith("; remove it to keep the files beside it as they are")
        assert "\n" not in text
    assert visible(killed) == before
    assert sorted(path.name for path in killed.parent.iterdir()) == precious
    # What the line says helps.
    shutil.rmtree(killed / ".hpass-journal")
    hpass.load(killed / "model.onnx")


def test_a_file_that_is_listed_twice_is_refused(killed: Path) -> None:
    journal = edited(killed)
    journal["files"].append(journal["files"][0])
    put(killed, journal)
    with pytest.raises(HpassError, match="it lists a file twice"):
        recover(killed)


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("below"), os.mkfifo])
def test_what_is_no_folder_is_no_journal(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / ".hpass-journal")
    with pytest.raises(HpassError, match="is not a folder"):
        recover(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_in_a_folder_where_files_are_their_owners_the_journal_of_another_user_is_refused(killed: Path) -> None:
    os.chown(killed / ".hpass-journal", 12345, 12345)
    killed.chmod(0o1777)
    with pytest.raises(HpassError, match="belongs to another user"):
        recover(killed)
    assert visible(killed) == expected("old")
    killed.chmod(0o777)
    recover(killed)
    assert content(killed) == expected("new")


@not_as_root
def test_where_nothing_can_be_written_the_set_is_refused(killed: Path) -> None:
    killed.chmod(0o500)
    (killed / ".hpass-journal").chmod(0o500)
    try:
        with pytest.raises(HpassError, match="Permission denied"):
            hpass.load(killed / "model.onnx")
    finally:
        killed.chmod(0o700)
        (killed / ".hpass-journal").chmod(0o700)


WRITER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from hpass.graph.files import transaction
    move_into_place = transaction.move_into_place
    def slowly(*arguments, **options):
        print("committed", flush=True)
        time.sleep(0.5)
        move_into_place(*arguments, **options)
    transaction.move_into_place = slowly
    folder = Path(sys.argv[1])
    with transaction.Transaction(folder / "model.onnx") as writing:
        for name in sys.argv[2:]:
            writing.write(folder / name, lambda file: file.write(b"a new file"))
""")


def test_a_reader_waits_for_a_living_writer_and_changes_nothing_itself(tmp_path: Path) -> None:
    for name in ("a.bin", "model.onnx"):
        (tmp_path / name).write_bytes(OLD)
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), "a.bin", "model.onnx"], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"committed\n"
        started = time.monotonic()
        recover(tmp_path)
        assert time.monotonic() - started > 0.1
        assert content(tmp_path) == dict.fromkeys(("a.bin", "model.onnx"), NEW)
    assert writer.returncode == 0


def test_a_writer_waits_for_another_one_s_commit(tmp_path: Path) -> None:
    for name in ("a.bin", "model.onnx"):
        (tmp_path / name).write_bytes(OLD)
    with Transaction(tmp_path / "model.onnx") as writing:
        for name in ("a.bin", "model.onnx"):
            writing.write(tmp_path / name, lambda file: file.write(b"newer"))
        other = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), "a.bin", "model.onnx"], stdout=subprocess.PIPE
        )
        assert other.stdout is not None
        assert other.stdout.readline() == b"committed\n"
    assert other.wait() == 0
    other.stdout.close()
    assert content(tmp_path) == dict.fromkeys(("a.bin", "model.onnx"), b"newer")
