"""Every link between documents leads somewhere, and every file of the repository that a document names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = {
    path for pattern in ("*.md", "docs/**/*.md", "benchmarks/**/*.md", "fixtures/*.md") for path in ROOT.glob(pattern)
}

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"-m ([\w.]+)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@pytest.mark.parametrize("document", sorted(DOCUMENTS), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    assert list(broken_links(document)) == []


# The changelog also names what is gone.
@pytest.mark.parametrize(
    "document", sorted(DOCUMENTS - {ROOT / "CHANGELOG.md"}), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_file_that_is_named_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert [path for path in named_paths(text) if not (ROOT / path).exists()] == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page: one\n\n[a](page.md#a-page-one) [b](page.md#two) [c](gone.md) [d](https://e.org/gone)\n")

    assert list(broken_links(page)) == ["page.md#two", "gone.md"]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("`graph/gone.py` and `graph/`", ["graph/gone.py", "graph/"]),
        ("`python -m benchmarks.gone --out docs/gone.md`", ["docs/gone.md", "benchmarks/gone.py"]),
        ("```sh\npytest 'tests/gone.py::test_this' -k x\n```\n", ["tests/gone.py"]),
        ("`encoder.layer.0`, `/encoder/layer.0`, `out/a.onnx`, `python -m pytest`, graph/gone.py", []),
    ],
)
def test_a_path_of_the_repository_is_recognised(text: str, paths: list[str]) -> None:
    assert list(named_paths(text)) == paths


def broken_links(document: Path) -> Iterator[str]:
    for link in _LINK.findall(prose(document)):
        name, _, anchor = link.partition("#")
        if ":" in name:
            continue
        target = document.parent / name if name else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def named_paths(text: str) -> Iterator[str]:
    """Yield the repository's files that code names: words below a top-level folder, and modules after `-m`.

    Code is that of spans and of blocks of shell commands; the commands of console blocks are run by test_docs.py.
    """
    for code in (*_CODE.findall(_FENCE.sub("", text)), *"".join(_SHELL.findall(text)).splitlines()):
        for word in re.split(r"""[\s"']+""", code):
            folder, slash, _ = word.partition("/")
            if slash and folder in folders():
                yield word.partition(":")[0]
        for module in _MODULE.findall(code):
            if module.partition(".")[0] in folders():
                path = module.replace(".", "/")
                yield path if (ROOT / path).is_dir() else f"{path}.py"


@cache
def folders() -> set[str]:
    return {path.name for path in ROOT.iterdir() if path.is_dir()}


@cache
def prose(document: Path) -> str:
    return _FENCE.sub("", document.read_text(encoding="utf-8"))


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(document)))
    return {heading.replace(" ", "-") for heading in headings}
