"""Choose the paths of output files."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from .file_uses import STREAM, same_file


def default_output(source: Path) -> Path:
    """Return the default path of the tagged model: `model.tagged.onnx` for `model.onnx`.

    Raises UsageError if the path cannot name a file (`.`, `/`).
    """
    if not source.name:
        raise UsageError(f"{source}: is a folder, not a model; name the .onnx file in it")
    return STREAM if source == STREAM else source.with_name(f"{source.stem}.tagged{source.suffix or '.onnx'}")


def output_path(source: Path, output: Path | None, *, in_place: bool) -> Path:
    """Return the path that the model of one input is written to. If `output` is a folder, the file keeps its name.

    Raises UsageError if the options name no output or contradict each other.
    """
    if in_place:
        if source == STREAM:
            raise UsageError("--in-place cannot write to standard input; name a file, or remove --in-place")
        if output is not None and not same_file(source, output):
            raise UsageError(f"--in-place and -o {output} contradict each other; give one of them")
        return source
    if output is None:
        raise UsageError("no output given; name a file with -o OUT, or overwrite the input with --in-place")
    if output == STREAM:
        return output
    target = output / source.name if source != STREAM and _is_folder(output) else output
    if same_file(source, target):
        raise UsageError(f"-o {output} is the input itself; add --in-place to overwrite it")
    return target


def output_paths(sources: list[Path], output: Path | None, *, in_place: bool) -> list[Path]:
    """Return the output path of each input of `hpass run`, in order. If there are several inputs, `output` is a folder.

    Raises UsageError if options contradict each other.
    """
    if STREAM in sources and len(sources) > 1:
        raise UsageError("- (standard input) must be the only input; remove the other inputs")
    into_folder = output is not None and _is_folder(output)
    if len(sources) > 1 and output is not None and not into_folder:
        raise UsageError(f"-o {output}: must be an existing folder if there are several inputs; create it first")
    targets: list[Path] = []
    for source in sources:
        chosen = output
        if not in_place and (output is None or (into_folder and source != STREAM)):
            default = default_output(source)
            chosen = default if output is None else output / default.name
        targets.append(output_path(source, chosen, in_place=in_place))
    return targets


def _is_folder(path: Path) -> bool:
    """Whether a path leads to a folder. A path that the system rejects does not; the error of its use is clearer."""
    try:
        return path.is_dir()
    except OSError:
        return False
