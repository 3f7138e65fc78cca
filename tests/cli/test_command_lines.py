"""Command lines with wrong, missing, contradictory and hostile values: the status, and the line that explains it."""

from __future__ import annotations

import shlex
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import onnx
import pytest
from typer.main import get_command

import hpass as package
from hpass.cli.app import app
from hpass.errors import HpassError, UsageError

FIXTURES = Path(__file__).parents[2] / "fixtures"

# The status, the command line, and a part of the only line on standard error (0 and 3: of standard output).
COMMAND_LINES: list[tuple[int, str, str]] = [
    # No command, or none that there is.
    (2, "rnu", "No such command 'rnu'. Did you mean 'run'? (hpass --help)"),
    (2, "-x", "No such option: -x (hpass --help)"),
    (2, "--version=1", "Option '--version' does not take a value"),
    (0, "--version", "hpass "),
    (0, "--help", "Usage: hpass [OPTIONS] COMMAND"),
    # run: the input
    (2, "run", "Missing argument 'IN.onnx...' (hpass run --help)"),
    (2, "run ''", "the argument after 'run' is empty; give a value, or remove it"),
    (1, "run folder", "folder: there is no .onnx file in the folder; name the model, or another folder or pattern"),
    (1, "run 'none*.onnx'", "none*.onnx: no file matches; name the model, or another folder or pattern"),
    (2, "run nowhere://bucket/x.onnx", "nowhere://bucket/x.onnx: no kind of address starts with nowhere://"),
    (1, "run none.onnx", "none.onnx: there is no such file"),
    (1, "run model.onnx/x", "model.onnx/x: cannot be read (Not a directory)"),
    (1, "run loop", "loop: cannot be read (Too many levels of symbolic links)"),
    (1, "run /dev/zero", "/dev/zero: is a device, not a file; name a file"),
    (1, "run empty.onnx", "empty.onnx: the file is empty; export the model again"),
    (1, "run cut.onnx", "cut.onnx: not an ONNX model, or truncated (999 bytes do not parse)"),
    (1, "run text.onnx", "text.onnx: is text, not a binary ONNX model"),
    (1, "run definition.py", "definition.py: "),
    (1, "run apart/missing.onnx", "its external data 'external_data.bin' is missing in apart; copy it there"),
    (1, "run -", "standard input: is empty; redirect one model to it, and name it only once"),
    (2, "run - model.onnx", "- (standard input) must be the only input; remove the other inputs"),
    (2, "run model.onnx -", "- (standard input) must be the only input; remove the other inputs"),
    (0, "run model.onnx", "model.onnx → model.tagged.onnx"),
    (0, "run unsound.onnx", "unsound.onnx → unsound.tagged.onnx"),
    # run: several inputs
    (2, "run model.onnx model.onnx", "the output of model.onnx would overwrite the output of model.onnx"),
    (2, "run model.onnx model.tagged.onnx", "the output of model.onnx would overwrite the input model.tagged.onnx"),
    (2, "run model.onnx other.onnx -o none", "-o none: must be an existing folder if there are several inputs"),
    (2, "run model.onnx other.onnx -o table.json", "-o table.json: must be an existing folder"),
    (2, "run model.onnx other.onnx -o -", "-o -: must be an existing folder"),
    (2, "run model.onnx -o none/", "none/: there is no such folder; create it first, or name a file without the slash"),
    (2, "strip model.onnx -o none/", "none/: there is no such folder; create it first"),
    (2, "run model.onnx other.onnx -o folder --in-place", "--in-place and -o folder contradict each other"),
    (2, "run model.onnx other.onnx --report r.json", "--report takes one input; use --json to print the reports"),
    (2, "run apart --report r.json", "--report takes one input; use --json to print the reports"),
    (2, "run - --cluster tcp://x:1", "--cluster needs names; write standard input to a file first"),
    (2, "run - --manifest m.jsonl", "--manifest needs names; write standard input to a file first"),
    (2, "run model.onnx --manifest model.onnx", "--manifest model.onnx would overwrite the input model.onnx"),
    (1, "run model.onnx --manifest table.json", "table.json: is not a manifest of hpass; remove it, or name another"),
    (1, "run model.onnx --manifest folder", "folder: cannot be used as the manifest (Is a directory)"),
    (2, "run model.onnx other.onnx --dump d", "--dump takes one input; run hpass once per input"),
    (2, "run model.onnx other.onnx -j 2 --print-after fallback", "--print-after and --jobs contradict each other"),
    (0, "run model.onnx other.onnx -o folder", "nodes  tagged  modules"),
    # run --output, --in-place
    (2, "run model.onnx -o", "Option '-o' requires an argument"),
    (2, "run model.onnx --output=", "'--output=' has no value; give one, or remove it"),
    (2, "run model.onnx -o ''", "the argument after '-o' is empty; give a value, or remove it"),
    (2, "run model.onnx -o model.onnx", "-o model.onnx is the input itself; add --in-place to overwrite it"),
    (2, "run model.onnx -o folder/../model.onnx", "is the input itself; add --in-place to overwrite it"),
    (1, "run model.onnx -o none/x.onnx", "none: the folder does not exist; create it first"),
    (1, "run model.onnx -o table.json/x.onnx", "table.json: "),
    (2, "run model.onnx -o x.onnx --in-place", "--in-place and -o x.onnx contradict each other; give one of them"),
    (2, "run - --in-place", "--in-place cannot write to standard input; name a file, or remove --in-place"),
    (2, "run model.onnx --in-place=yes", "Option '--in-place' does not take a value"),
    (0, "run model.onnx -o folder", "model.onnx → folder/model.tagged.onnx"),
    (0, "run model.onnx --in-place --in-place", "model.onnx → model.onnx"),
    # run --external-data
    (2, "run model.onnx --external-data move", "'move' is not one of 'copy', 'link'"),
    (2, "run model.onnx --external-data ''", "the argument after '--external-data' is empty"),
    (2, "run external_data.onnx -o external_data.bin", "would overwrite the external data 'external_data.bin'"),
    (2, "run external_data.onnx -o folder/external_data.bin", "would overwrite the output of external_data.onnx"),
    (0, "run external_data.onnx -o folder --external-data link", "folder/external_data.tagged.onnx"),
    # run --jobs
    (2, "run model.onnx --jobs", "Option '--jobs' requires an argument"),
    (2, "run model.onnx --jobs 0", "0 is not in the range x>=1"),
    (2, "run model.onnx --jobs -1", "-1 is not in the range x>=1"),
    (2, "run model.onnx --jobs two", "Invalid value for '--jobs' / '-j': 'two'"),
    (2, "run model.onnx --jobs 1.5", "Invalid value for '--jobs' / '-j': '1.5'"),
    (2, "run model.onnx -j ''", "the argument after '-j' is empty"),
    # run --fail-under
    (2, "run model.onnx --fail-under", "Option '--fail-under' requires an argument"),
    (2, "run model.onnx --fail-under high", "--fail-under: 'high' is not MEASURE=PERCENT, such as high=95"),
    (2, "run model.onnx --fail-under low=5", "--fail-under: no measure 'low'; known: high, medium, coverage"),
    (2, "run model.onnx --fail-under high=all", "--fail-under: 'all' is not a percentage; give a number from 0 to 100"),
    (0, "run model.onnx --fail-under coverage=100", "model.tagged.onnx"),
    (3, "run model.onnx --fail-under high=100", "model.tagged.onnx"),
    # run: options that there are not
    (2, "run model.onnx --forec", "No such option: --forec (hpass run --help)"),
    (2, "run model.onnx --verbos", "Possible options: --verbose"),
    (2, "run model.onnx --retag=yes", "Option '--retag' does not take a value"),
    (2, "run model.onnx --verbose=2", "Option '--verbose' does not take a value"),
    (2, "run model.onnx --time-passes=s", "Option '--time-passes' does not take a value"),
    (2, "run model.onnx --verify-between=all", "Option '--verify-between' does not take a value"),
    # run --passes
    (2, "run model.onnx --passes ''", "the argument after '--passes' is empty"),
    (2, "run model.onnx --passes ' '", "pipeline ' ', character 1: a pass name is missing"),
    (2, "run model.onnx --passes ,", "pipeline ',', character 1: a pass name is missing"),
    (2, "run model.onnx --passes scope-parse,,fallback", "character 13: a pass name is missing"),
    (2, "run model.onnx --passes scope-prase", "no pass 'scope-prase' (at character 1 of 'scope-prase'); did you mean"),
    (2, "run model.onnx --passes SCOPE-PARSE", "no pass 'SCOPE-PARSE'"),
    (2, "run model.onnx --passes __class__", "no pass '__class__'"),
    (2, "run model.onnx --passes 'scope-parse;fallback'", "did you mean scope-parse or fallback?"),
    (2, "run model.onnx --passes $(id)", "no pass '$(id)'"),
    (2, "run model.onnx --passes fallback:x=1", "pass fallback has no option 'x'; it has no options"),
    (2, "run model.onnx --passes fallback:", "character 10: an option is written NAME=VALUE"),
    (2, "run model.onnx --passes validation:runtime", "character 12: an option is written NAME=VALUE"),
    (2, "run model.onnx --passes validation:runtime=", "option validation.runtime: '' is not true|false"),
    (2, "run model.onnx --passes validation:runtime=maybe", "option validation.runtime: 'maybe' is not true|false"),
    (2, "run model.onnx --passes validation:runtime=true:runtime=true", "option 'runtime' is given twice"),
    (2, "run model.onnx --passes all:x=1", "'all' takes no options; use --set PASS.OPTION=VALUE"),
    (0, "run model.onnx --passes all,all", "model.tagged.onnx"),
    (3, "run model.onnx --passes scope-parse,validation", "model.tagged.onnx"),
    # run --set
    (2, "run model.onnx --set", "Option '--set' requires an argument"),
    (2, "run model.onnx --set validation", "'validation': not a setting; write PASS.OPTION=VALUE"),
    (2, "run model.onnx --set =", "'=': not a setting; write PASS.OPTION=VALUE"),
    (2, "run model.onnx --set .=", "'.=': not a setting; write PASS.OPTION=VALUE"),
    (2, "run model.onnx --set validation.=true", "not a setting; write PASS.OPTION=VALUE"),
    (2, "run model.onnx --set .runtime=true", "not a setting; write PASS.OPTION=VALUE"),
    (2, "run model.onnx --set validation.none=true", "has no option 'none'; it has runtime, checker"),
    (2, "run model.onnx --set validtion.runtime=true", "did you mean validation?"),
    (2, "run model.onnx --set aux-inheritance.root=sideways", "'sideways' is not serve|keep"),
    (2, "run model.onnx --set validation.checker=true --set validation.checker=false", "contradict each other"),
    (0, "run model.onnx --set validation.checker=false --set validation.checker=false", "model.tagged.onnx"),
    # run --modules
    (2, "run model.onnx --modules none.json", "none.json: cannot be read (No such file or directory)"),
    (2, "run model.onnx --modules folder", "folder: cannot be read (Is a directory)"),
    (2, "run model.onnx --modules loop", "loop: cannot be read (Too many levels of symbolic links)"),
    (2, "run model.onnx --modules model.onnx", "model.onnx: cannot be read (not UTF-8 text)"),
    (2, "run model.onnx --modules latin.json", "latin.json: cannot be read (not UTF-8 text)"),
    (2, "run model.onnx --modules broken.json", "broken.json: not valid JSON (Expecting value: line 1 column 6"),
    (2, "run model.onnx --modules list.json", "list.json: is a list; a module table is a JSON object"),
    (2, "run model.onnx --modules number.json", "number.json: the entry of 'a' is a number"),
    (2, "run model.onnx --modules deep.json", "deep.json: "),
    (2, "run model.onnx --modules ''", "the argument after '--modules' is empty"),
    (2, "run model.onnx --modules table.json --model definition.py:make", "both define the module table; give one"),
    # run --model
    (2, "run model.onnx --model definition.py", "name the function that builds the model, as in definition.py:make"),
    (1, "run model.onnx --model definition.py:none", "definition.py: has no function 'none'"),
    (1, "run model.onnx --model definition.py:value", "definition.py: has no function 'value'"),
    (1, "run model.onnx --model definition.py:fail", "definition.py:fail: raised ValueError: no (line 3)"),
    (1, "run model.onnx --model definition.py:leave", "definition.py:leave: raised SystemExit: 7 (line 4)"),
    (1, "run model.onnx --model definition.py:text", "definition.py:text: returned str; it must return"),
    (1, "run model.onnx --model syntax.py:make", "syntax.py:make: raised SyntaxError: invalid syntax"),
    (1, "run model.onnx --model none.py:make", "none.py: no such file"),
    (1, "run model.onnx --model folder", "folder: the folder has no config.json"),
    (2, "run model.onnx --model model.onnx", "model.onnx: not a model; MODEL must be"),
    (1, "run model.onnx --model config.json", "config.json: transformers cannot build it"),
    (1, "run model.onnx --model table.json", "table.json: not the config of a model"),
    (1, "run model.onnx --model broken.json", "broken.json: "),
    (1, "run model.onnx --model ./none", "./none: no such file or folder, and not a Hugging Face id"),
    (1, "run model.onnx --model a/b/c", "a/b/c: no such file or folder, and not a Hugging Face id"),
    (1, "run model.onnx --model 'a b'", "a b: no such file or folder, and not a Hugging Face id"),
    (1, "run model.onnx --model nobody/none-such", "nobody/none-such: there is no such local folder"),
    (2, "run model.onnx --model ''", "the argument after '--model' is empty"),
    # run --reference
    (1, "run model.onnx --reference none.onnx", "none.onnx: there is no such file"),
    (1, "run model.onnx --reference folder", "folder: is a folder, not a model"),
    (1, "run model.onnx --reference text.onnx", "text.onnx: is text"),
    (1, "run model.onnx --reference empty.onnx", "empty.onnx: the file is empty"),
    (1, "run model.onnx --reference apart/missing.onnx", "its external data 'external_data.bin' is missing"),
    (1, "run model.onnx --reference -", "standard input: is empty"),
    (2, "run model.onnx --reference none.safetensors", "none.safetensors: cannot be read (No such file or directory)"),
    (2, "run model.onnx --reference bad.safetensors", "bad.safetensors: not a safetensors checkpoint, or cut off"),
    (2, "run model.onnx --reference model.onnx --in-place", "would overwrite --reference model.onnx"),
    (2, "run model.onnx --reference other.onnx -o other.onnx", "would overwrite --reference other.onnx"),
    # run --report, --json
    (2, "run model.onnx --report r.txt", "--report r.txt: unknown format; the name must end in .json or .md"),
    (2, "run model.onnx --report r", "--report r: unknown format"),
    (2, "run model.onnx --report -", "--report -: unknown format"),
    (2, "run model.onnx --report model.tagged.onnx", "--report model.tagged.onnx: unknown format"),
    (1, "run model.onnx --report none/r.json", "none/r.json: the folder none does not exist; create it first"),
    (1, "run model.onnx --report folder.json", "folder.json: "),
    (2, "run model.onnx --report x.json -o x.json", "--report x.json would overwrite the output of model.onnx"),
    (2, "run model.onnx --report table.json --modules table.json", "would overwrite --modules table.json"),
    (2, "run model.onnx --json -o -", "--json and -o - both write to standard output"),
    (0, "run model.onnx --json --report r.md", '"version": 1'),
    (0, "run model.onnx --report .json", "model.tagged.onnx"),
    # run: what observes the passes
    (2, "run model.onnx --print-after fallbck", "did you mean fallback or call-number?"),
    (2, "run model.onnx --print-after ''", "the argument after '--print-after' is empty"),
    (2, "run model.onnx --stop-after none-such", "--stop-after: no pass 'none-such' in the pipeline"),
    (2, "run model.onnx --stop-after fallback --passes scope-parse", "no pass 'fallback' in the pipeline"),
    (2, "run model.onnx --stop-after scope-parse --print-after fallback", "fallback never runs; remove one"),
    (1, "run model.onnx --dump none/d", "none/d: cannot be created, because there is no folder none"),
    (1, "run model.onnx --dump table.json", "table.json: cannot be created (File exists)"),
    (2, "run model.onnx --dump ''", "the argument after '--dump' is empty"),
    (1, "run none.onnx --dump d", "none.onnx: there is no such file"),
    (2, "run model.onnx --verify-runtime --passes fallback", "--verify-runtime needs the pass validation"),
    (2, "run model.onnx --verify-runtime --set validation.runtime=false", "contradict each other"),
    # passes
    (2, "passes extra", "Got unexpected extra argument(s) (extra)"),
    (2, "passes --yaml", "No such option: --yaml"),
    (0, "passes --json", '[{"name": "scope-parse"'),
    # tree
    (2, "tree", "Missing argument 'IN' (hpass tree --help)"),
    (2, "tree model.onnx other.onnx", "Got unexpected extra argument(s) (other.onnx)"),
    (1, "tree none.onnx", "none.onnx: there is no such file"),
    (1, "tree folder", "folder: is a folder, not a model"),
    (1, "tree empty.onnx", "empty.onnx: the file is empty"),
    (1, "tree -", "standard input: is empty"),
    (2, "tree model.onnx --depth", "Option '--depth' requires an argument"),
    (2, "tree model.onnx --depth -1", "-1 is not in the range x>=0"),
    (2, "tree model.onnx --depth two", "Invalid value for '--depth' / '-d': 'two'"),
    (0, "tree model.onnx --depth 99999999999999999999", "own    all"),
    (2, "tree model.onnx --passes nothing-known", "no pass 'nothing-known'"),
    (2, "tree model.onnx --set validation", "'validation': not a setting"),
    (2, "tree model.onnx --modules none.json", "none.json: cannot be read"),
    (2, "tree model.onnx --modules table.json --model x", "both define the module table"),
    (1, "tree model.onnx --reference none.onnx", "none.onnx: there is no such file"),
    (2, "tree model.onnx --dim batch=2", "--dim belongs to the cost of modules"),
    (2, "tree model.onnx --cost --dim none=2", "has no free dimension 'none'"),
    (0, "tree model.onnx --cost", "intensity"),
    (2, "tree model.onnx --stored", "No such option: --stored"),
    (0, "tree unsound.onnx --retag", "own    all"),
    (0, "tree model.onnx --json", '"own": 0, "all": 29'),
    # show
    (2, "show", "Missing argument 'IN'"),
    (2, "show model.onnx", "Missing argument 'NODE' (hpass show --help)"),
    (2, "show model.onnx '#0' '#1'", "Got unexpected extra argument(s) (#1)"),
    (1, "show none.onnx '#0'", "none.onnx: there is no such file"),
    (2, "show model.onnx ''", "the argument after 'model.onnx' is empty"),
    (2, "show model.onnx '#99'", "no node, value or module is named '#99'"),
    (2, "show model.onnx '#-1'", "no node, value or module is named '#-1'"),
    (2, "show model.onnx '#0/then_branch#0'", "no node, value or module is named '#0/then_branch#0'"),
    (2, "show model.onnx /features/features.0/conv/Cnov", "did you mean /features/features.0/conv/Conv"),
    (2, "show model.onnx classifer", "no node, value or module is named 'classifer'; did you mean classifier"),
    (0, "show model.onnx classifier", "Gemm"),
    (2, "show model.onnx '#0' --stored --retag", "--stored runs no pass; remove --passes"),
    (2, "show model.onnx '#0' --passes none", "no pass 'none'"),
    (2, "show model.onnx '#0' --modules list.json", "list.json: is a list"),
    (2, "show model.onnx '#0' --set x.y=z", "no pass 'x' in the pipeline"),
    (1, "show model.onnx '#0' --reference text.onnx", "text.onnx: is text"),
    (1, "show model.onnx '#0' --model none.py:make", "none.py: no such file"),
    (0, "show model.onnx '#0' --stored --json", '[{"position": "#0"'),
    # select
    (2, "select", "Missing argument 'IN' (hpass select --help)"),
    (2, "select model.onnx", "no pattern is given; '**' selects all modules"),
    (2, "select model.onnx ''", "the argument after 'model.onnx' is empty"),
    (1, "select none.onnx features", "none.onnx: there is no such file"),
    (2, "select model.onnx feature", "no module matches 'feature'; did you mean features"),
    (2, "select model.onnx 'features['", "'features[': not a pattern of modules; '[' is not closed"),
    (2, "select model.onnx features '!features'", "the patterns take away all they add"),
    (2, "select model.onnx --select none.txt", "--select none.txt: cannot be read (No such file or directory)"),
    (2, "select model.onnx --select folder", "--select folder: cannot be read"),
    (2, "select model.onnx --select latin.json", "--select latin.json: cannot be read (not UTF-8 text)"),
    (2, "select model.onnx features --for", "Option '--for' requires an argument"),
    (2, "select model.onnx features --for excel", "Invalid value for '--for': 'excel' is not one of 'names'"),
    (2, "select model.onnx features --for names --json", "--json and --for both choose the form"),
    (2, "select model.onnx features --for matmul-nbits", "no MatMul or Gather"),
    (2, "select model.onnx features -o model.onnx", "-o model.onnx would overwrite the input model.onnx"),
    (1, "select model.onnx features --output none/x", "none: the folder does not exist; create it first"),
    (2, "select model.onnx features --passes none", "no pass 'none'"),
    (2, "select model.onnx features --set x.y=z", "no pass 'x' in the pipeline"),
    (2, "select model.onnx features --modules list.json", "list.json: is a list"),
    (1, "select model.onnx features --model none.py:make", "none.py: no such file"),
    (1, "select model.onnx features --reference text.onnx", "text.onnx: is text"),
    (0, "select model.onnx features --retag", "/features/features.0/conv/Conv"),
    (0, "select model.onnx features '!features.0' --json", '{"schema": 1, "model": "model.onnx"'),
    (2, "select tagged.onnx :Linear", "no class is known, which --modules or --model gives"),
    # validate
    (2, "validate", "Missing argument 'IN' (hpass validate --help)"),
    (1, "validate none.onnx", "none.onnx: there is no such file"),
    (1, "validate empty.onnx", "empty.onnx: the file is empty"),
    (1, "validate - --full", "standard input: is empty"),
    (2, "validate tagged.onnx --fast", "No such option: --fast"),
    (2, "validate tagged.onnx --against", "Option '--against' requires an argument"),
    (1, "validate tagged.onnx --against none.onnx", "none.onnx: there is no such file"),
    (3, "validate model.onnx", "model.onnx: not valid"),
    (3, "validate unsound.onnx", "unsound.onnx: not valid"),
    (3, "validate future.onnx", "future.onnx: not valid"),
    (3, "validate tagged.onnx --against external_data.onnx", "tagged.onnx: not valid"),
    (3, "validate unsound.onnx --json", '{"ok": false'),
    (0, "validate tagged.onnx --against model.onnx", "tagged.onnx: the tags are valid, and the rest equals model.onnx"),
    # strip
    (2, "strip", "Missing argument 'IN' (hpass strip --help)"),
    (2, "strip tagged.onnx", "no output given; name a file with -o OUT, or overwrite the input with --in-place"),
    (1, "strip none.onnx -o x.onnx", "none.onnx: there is no such file"),
    (1, "strip text.onnx --in-place", "text.onnx: is text"),
    (2, "strip tagged.onnx -o tagged.onnx", "is the input itself; add --in-place to overwrite it"),
    (1, "strip tagged.onnx -o none/x.onnx", "none: the folder does not exist; create it first"),
    (2, "strip tagged.onnx -o x.onnx --in-place", "--in-place and -o x.onnx contradict each other"),
    (2, "strip - --in-place", "--in-place cannot write to standard input"),
    (2, "strip tagged.onnx -o x.onnx --external-data none", "'none' is not one of 'copy', 'link'"),
    (2, "strip external_data.onnx -o external_data.bin", "would overwrite the external data 'external_data.bin'"),
    (0, "strip tagged.onnx -o ./tagged.onnx --in-place", "tagged.onnx: 118 keys removed"),
    (0, "strip model.onnx -o x.onnx", "x.onnx: 0 keys removed"),
    # diff
    (2, "diff", "Missing argument 'A' (hpass diff --help)"),
    (2, "diff model.onnx", "Missing argument 'B'"),
    (2, "diff model.onnx other.onnx tagged.onnx", "Got unexpected extra argument(s) (tagged.onnx)"),
    (1, "diff model.onnx none.onnx", "none.onnx: there is no such file"),
    (1, "diff none.onnx model.onnx", "none.onnx: there is no such file"),
    (1, "diff folder model.onnx", "folder: is a folder, not a model"),
    (1, "diff - -", "standard input: is empty; redirect one model to it, and name it only once"),
    (2, "diff model.onnx other.onnx --json=x", "Option '--json' does not take a value"),
    (0, "diff model.onnx other.onnx", "no difference in modules"),
    (3, "diff model.onnx external_data.onnx --json", '"equal": false'),
    (2, "tree model.onnx --profile none.json", "none.json: cannot be read (No such file or directory)"),
    (2, "report model.onnx -o r.html --dim batch", "--dim batch: write NAME=SIZE"),
    (2, "report model.onnx -o r.html --comparison none.json", "none.json: cannot be read (No such file or directory)"),
    (0, "report model.onnx -o r.html --cost", "r.html: "),
    # compare
    (2, "compare model.onnx", "Missing argument 'B' (hpass compare --help)"),
    (1, "compare none.onnx model.onnx", "none.onnx: there is no such file"),
    (2, "compare model.onnx model.onnx --threshold nan", "--threshold nan: give a number of decibels"),
    (2, "compare model.onnx model.onnx --a-level most", "'most' is not one of"),
    (2, "compare model.onnx model.onnx --b-level most", "'most' is not one of"),
    (2, "compare model.onnx model.onnx --dim batch", "--dim batch: write NAME=SIZE"),
    (2, "compare model.onnx model.onnx --inputs none.npz", "none.npz: cannot be read (No such file or directory)"),
    (2, "compare model.onnx model.onnx --runs 0", "'--runs': 0 is not in the range x>=1"),
    (1, "compare model.onnx model.onnx --a-ep None", "onnxruntime has no NoneExecutionProvider here"),
    (1, "compare model.onnx model.onnx --b-ep None", "onnxruntime has no NoneExecutionProvider here"),
    (2, "compare model.onnx model.onnx --suggest some", "'some' is not a valid int"),
    (0, "compare model.onnx model.onnx --all", "the outputs agree: equal"),
    (0, "compare model.onnx model.onnx --ignore-weights", "the outputs agree: equal"),
    (0, "compare model.onnx model.onnx --json", '"agrees": true'),
    # report
    (2, "report", "Missing argument 'IN' (hpass report --help)"),
    (2, "report model.onnx", "Missing option '--output' / '-o'"),
    (2, "report model.onnx -o model.onnx", "--output model.onnx would overwrite the input model.onnx"),
    (1, "report model.onnx -o none/x.html", "none/x.html: the folder none does not exist; create it first"),
    (1, "report none.onnx -o x.html", "none.onnx: there is no such file"),
    (2, "report model.onnx -o x.html --profile none.json", "none.json: cannot be read (No such file or directory)"),
    (2, "report model.onnx -o x.html --profile model.onnx", "model.onnx: is not JSON"),
    (2, "report model.onnx -o x.html --profile table.json", "table.json: has no modules"),
    (1, "report model.onnx -o x.html --against none.onnx", "none.onnx: there is no such file"),
    (2, "report model.onnx -o x.html --passes nothing-known", "no pass 'nothing-known'"),
    (2, "report model.onnx -o x.html --set validation", "'validation': not a setting"),
    (2, "report model.onnx -o x.html --modules none.json", "none.json: cannot be read"),
    (2, "report model.onnx -o x.html --modules table.json --model x", "both define the module table"),
    (1, "report model.onnx -o x.html --reference none.onnx", "none.onnx: there is no such file"),
    (0, "report model.onnx -o x.html --retag", "x.html: 29 nodes in 9 modules"),
    # export
    (2, "export", "Missing argument 'MODEL' (hpass export --help)"),
    (2, "export definition.py:text", "Missing argument 'OUT'"),
    (2, "export '' x.onnx", "the argument after 'export' is empty"),
    (2, "export definition.py:text ''", "the argument after 'definition.py:text' is empty"),
    (2, "export definition.py:text folder", "folder: is a folder; name the file to write"),
    (1, "export definition.py:text none/x.onnx", "does not exist; create it first"),
    (2, "export definition.py:text definition.py", "OUT definition.py would overwrite definition.py of MODEL"),
    (2, "export definition.py:text x.onnx --modules-out x.onnx", "--modules-out x.onnx would overwrite OUT x.onnx"),
    (2, "export definition.py:text x.onnx --modules-out folder", "folder: is a folder; name the file to write"),
    (2, "export definition.py:text x.onnx --engine none", "use one of auto, dynamo, torchscript"),
    (2, "export definition.py:text x.onnx --input x", "--input x: not of the form name=shape:dtype"),
    (2, "export definition.py:text x.onnx --input =1:float32", "not of the form name=shape:dtype"),
    (2, "export definition.py:text x.onnx --input x=axb:float32", "not of the form name=shape:dtype"),
    (2, "export definition.py:text x.onnx --input x=1:float99", "unknown dtype 'float99'"),
    (1, "export definition.py:module x.onnx --input none=1:float32", "Module.forward has no such input"),
    (2, "export definition.py:text x.onnx --task none", "apply to transformers models only"),
    (2, "export definition.py:text x.onnx --class None", "apply to transformers models only"),
    (2, "export definition.py:text x.onnx --random-weights", "apply to transformers models only"),
    (1, "export definition.py:module x.onnx --generation", "Module has no generate()"),
    (1, "export definition.py:fail x.onnx --dynamic", "definition.py:fail: raised ValueError: no (line 3)"),
    (1, "export definition.py:leave x.onnx -v", "definition.py:leave: raised SystemExit: 7 (line 4)"),
    (1, "export definition.py:text x.onnx", "definition.py:text: returned str"),
    (2, "export definition.py x.onnx", "name the function that builds the model"),
    (1, "export syntax.py:make x.onnx", "syntax.py:make: raised SyntaxError"),
    (1, "export none.py:make x.onnx", "none.py: no such file"),
    (1, "export folder x.onnx", "folder: the folder has no config.json"),
    (2, "export model.onnx x.onnx", "model.onnx: not a model; MODEL must be"),
    (1, "export config.json x.onnx --random-weights", "config.json: transformers cannot build it"),
    (1, "export nobody/none-such x.onnx", "nobody/none-such: there is no such local folder"),
    (2, "export definition.py:text x.onnx --trust-remote-code=1", "Option '--trust-remote-code' does not take a value"),
    # extract
    (2, "extract", "Missing argument 'IN' (hpass extract --help)"),
    (2, "extract model.onnx features", "no output given; name a file or a folder with -o OUT"),
    (2, "extract model.onnx -o x.onnx", "nothing to extract; name a module, or split the whole model with --depth 1"),
    (2, "extract model.onnx features -o -", "extract reads and writes files; name a file instead of -"),
    (2, "extract - features -o x.onnx", "extract reads and writes files; name a file instead of -"),
    (2, "extract model.onnx features --output x --depth 1", "--depth splits the whole model; remove it, or SCOPE"),
    (2, "extract model.onnx --depth 0 -o x", "Invalid value for '--depth'"),
    (2, "extract model.onnx --depth 1 --call 1 -o x", "--depth splits the whole model"),
    (2, "extract model.onnx features --call 1 -o x.onnx", "--call 1: 'features' is called once; calls count from 0"),
    (2, "extract model.onnx features --call -1 -o x.onnx", "Invalid value for '--call'"),
    (2, "extract model.onnx featurs -o x.onnx", "no module 'featurs'; did you mean features"),
    (2, "extract model.onnx features -o model.onnx", "the output model.onnx would overwrite the input model.onnx"),
    (1, "extract none.onnx features -o x.onnx", "none.onnx: there is no such file"),
    (1, "extract model.onnx features -o none/x.onnx", "none"),
    (1, "extract model.onnx features classifier -o model.onnx/x", "model.onnx/x: cannot be made (Not a directory)"),
    (1, "extract model.onnx --depth 1 -o table.json", "table.json: cannot be made (File exists)"),
    (1, "extract model.onnx features -o x.onnx --inputs none.npz", "none.npz: cannot be read as .npz"),
    (1, "extract model.onnx features -o x.onnx --inputs table.json", "table.json: cannot be read as .npz"),
    (2, "extract model.onnx features -o x.onnx --modules none.json", "none.json: cannot be read"),
    (2, "extract model.onnx features -o x.onnx --passes falback", "no pass 'falback'"),
    (2, "extract model.onnx features -o x.onnx --set fallback.x=1", "pass fallback has no option 'x'"),
    (1, "extract model.onnx features -o x.onnx --reference none.onnx", "none.onnx: there is no such file"),
    (1, "extract model.onnx features -o x.onnx --model none.py:make --retag", "none.py: no such file"),
    (0, "extract model.onnx features -o x.onnx", "x.onnx: features, 6 nodes"),
    (0, "extract model.onnx features classifier -o parts --json", '"scope": "classifier"'),
    (0, "extract model.onnx --depth 1 -o stages", "stages: 2 stages"),
    # wrap
    (2, "wrap", "Missing argument 'IN' (hpass wrap --help)"),
    (2, "wrap model.onnx -o x.onnx", "Missing argument '-- COMMAND...' (hpass wrap --help)"),
    (2, "wrap model.onnx -- cp {in} {out}", "no output given; name a file with -o OUT"),
    (2, "wrap model.onnx -o model.onnx -- cp {in} {out}", "-o model.onnx is the input itself"),
    (2, "wrap model.onnx --output x.onnx -- cp {in}", "the command has no {out}; put it in the place of the file"),
    (2, "wrap - -o x.onnx -- cp {in} {out}", "the tool reads and writes files; name a file instead of -"),
    (2, "wrap model.onnx -o - -- cp {in} {out}", "the tool reads and writes files; name a file instead of -"),
    (1, "wrap none.onnx -o x.onnx -- cp {in} {out}", "none.onnx: there is no such file"),
    (2, "wrap model.onnx -o x.onnx --modules none.json -- cp {in} {out}", "none.json: cannot be read"),
    (2, "wrap model.onnx -o x.onnx --passes falback -- cp {in} {out}", "no pass 'falback'"),
    (2, "wrap model.onnx -o x.onnx --set fallback.x=1 -- cp {in} {out}", "pass fallback has no option 'x'"),
    (1, "wrap model.onnx -o x.onnx --reference none.onnx -- cp {in} {out}", "none.onnx: there is no such file"),
    (1, "wrap model.onnx -o x.onnx --model none.py:make --retag -- cp {in} {out}", "none.py: no such file"),
    (0, "wrap model.onnx -o x.onnx --json -- cp {in} {out}", '"equal": true'),
    (0, "wrap model.onnx -o x.onnx -- cp {in} {out}", "29 nodes tagged: 29 reference"),
    # inputs
    (2, "inputs model.onnx", "Missing option '--output' / '-o'"),
    (2, "inputs model.onnx -o model.onnx", "-o model.onnx would overwrite the input model.onnx"),
    (1, "inputs model.onnx -o none/x.npz", "none/x.npz: cannot be written"),
    (1, "inputs table.json -o x.npz", "table.json: "),
    (2, "inputs model.onnx -o x.npz --dim batch", "--dim batch: write NAME=SIZE with a whole number"),
    (2, "inputs model.onnx -o x.npz --dim none=3", "no input has a free dimension 'none'"),
    (0, "inputs model.onnx -o x.npz", "float32["),
    (0, "inputs model.onnx -o x.npz --json", '"schema": 1'),
    # cost
    (2, "cost", "Missing argument 'IN'"),
    (1, "cost none.onnx", "none.onnx: there is no such file"),
    (2, "cost model.onnx --dim none=3", "has no free dimension 'none'"),
    (2, "cost model.onnx --passes none", "no pass 'none'"),
    (2, "cost model.onnx --set none", "'none': not a setting"),
    (2, "cost model.onnx --modules none.json", "none.json: "),
    (1, "cost model.onnx --model none", "none"),
    (1, "cost model.onnx --reference none.onnx", "none.onnx"),
    (0, "cost model.onnx --retag", "other FLOPs"),
    (0, "cost model.onnx --json", '"schema": 1'),
    # profile
    (2, "profile model.onnx --runs 0", "0 is not in the range x>=1"),
    (2, "profile model.onnx --warmup -1", "-1 is not in the range x>=0"),
    (2, "profile model.onnx --threads 0", "0 is not in the range x>=1"),
    (2, "profile model.onnx --level most", "'most' is not one of 'all', 'extended', 'basic', 'none'"),
    (2, "profile model.onnx --ep :a=b", "--ep :a=b: no name"),
    (1, "profile model.onnx --ep None", "onnxruntime has no NoneExecutionProvider here"),
    (2, "profile model.onnx --dim none=3", "no input has a free dimension 'none'"),
    (1, "profile model.onnx --inputs none.npz", "none.npz"),
    (1, "profile model.onnx --inputs table.json", "table.json"),
    (1, "profile model.onnx --trace none.json", "none.json: cannot be read"),
    (1, "profile model.onnx --trace table.json", "table.json: is not a list of trace events"),
    (2, "profile model.onnx --optimized model.onnx", "--optimized belongs to a trace"),
    (2, "profile model.onnx -o p.png", "-o p.png: unknown format; the name must end in"),
    (2, "profile model.onnx --trace table.json -o table.json", "-o table.json would overwrite --trace table.json"),
    (1, "profile model.onnx --runs 1 --warmup 0 -o none/p.json", "none/p.json: cannot be written"),
    (2, "profile model.onnx --passes none", "no pass 'none'"),
    (2, "profile model.onnx --set none", "'none': not a setting"),
    (2, "profile model.onnx --modules none.json", "none.json: "),
    (1, "profile model.onnx --model none", "none"),
    (1, "profile model.onnx --reference none.onnx", "none.onnx"),
    (0, "profile model.onnx --runs 1 --warmup 0 --retag", "has a module"),
    (0, "profile model.onnx --runs 1 --warmup 0 --json", '"schema": 1'),
]  # fmt: skip

DEFINITION = """
def fail():
    raise ValueError("no\\nweights")
def leave(): raise SystemExit(7)
def text(): return "text"
def module():
    import torch
    return torch.nn.Module(), ()
value = 1
"""


def _needs_torch(line: str) -> bool:
    return "--model " in line or (line.startswith("export") and "x.onnx" in line)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the command lines name."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("external_data.onnx", "external_data.bin"):
        shutil.copy(FIXTURES / name, folder)
    for name in ("model.onnx", "other.onnx", "model.tagged.onnx"):
        shutil.copy(FIXTURES / "simple_cnn_torchscript.onnx", folder / name)
    for name in ("folder", "folder.json", "apart"):
        (folder / name).mkdir()
    shutil.copy(FIXTURES / "external_data.onnx", folder / "apart" / "missing.onnx")
    (folder / "loop").symlink_to("loop")
    package.run(folder / "model.onnx").save(folder / "tagged.onnx")
    for name, key, value in (("unsound", "hpass.scope", "nowhere"), ("future", "hpass.version", "99")):
        proto = onnx.load(folder / "tagged.onnx")
        for prop in (*proto.metadata_props, *proto.graph.node[3].metadata_props):
            prop.value = value if prop.key == key else prop.value
        onnx.save(proto, folder / f"{name}.onnx")
    contents = {
        "empty.onnx": b"",
        "cut.onnx": (folder / "model.onnx").read_bytes()[:999],
        "text.onnx": b'ir_version: 8\ngraph { name: "g" }\n',
        "table.json": b'{"": "M"}',
        "broken.json": b'{"": ',
        "list.json": b"[1]",
        "latin.json": b'{"": "\xe9"}',
        "number.json": b'{"a": 1}',
        "deep.json": b"[" * 100_000,
        "config.json": b'{"model_type": "none-such"}',
        "bad.safetensors": b"nonsense",
        "definition.py": DEFINITION.encode(),
        "syntax.py": b"def make(:\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


class Stdin:
    """Standard input without anything in it."""

    buffer = BytesIO()


@pytest.mark.parametrize(
    ("status", "line", "said"),
    [pytest.param(*row, id=row[1], marks=[pytest.mark.torch] * _needs_torch(row[1])) for row in COMMAND_LINES],
)
def test_a_command_line(
    hpass: Any, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, status: int, line: str, said: str
) -> None:
    folder = tmp_path / "files"
    shutil.copytree(files, folder, symlinks=True)
    before = _contents(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.stdin", Stdin())

    result = hpass(*shlex.split(line))

    # Without a terminal, hpass export says what it does.
    errors = [text for text in result.err.splitlines() if text != "building the model"]
    assert result.status == status, result.err
    if status in {0, 3}:
        assert said in result.out
        assert errors == []
    else:
        assert len(errors) == 1, result.err
        assert errors[0].startswith("hpass: ")
        assert said in errors[0]
        assert result.out == ""
        assert _contents(folder) == before, "nothing is written"


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_table_has_every_command_and_every_option() -> None:
    lines = [line for _, line, _ in COMMAND_LINES]
    given = {(line.split()[0], word.partition("=")[0]) for line in lines for word in line.split()}

    missing = [
        (name, parameter.opts)
        for name, command in get_command(app).commands.items()  # type: ignore[attr-defined]
        for parameter in command.params
        if parameter.param_type_name == "option" and not {(name, form) for form in parameter.opts} & given
    ]

    assert missing == []


# All that str.splitlines takes for the end of a line.
LINE_BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


@pytest.mark.parametrize("command", ["run", "tree", "validate"])
def test_an_error_with_line_breaks_is_one_line(hpass: Any, command: str, tmp_path: Path) -> None:
    result = hpass(command, tmp_path / f"a{LINE_BREAKS}b.onnx")

    assert result.status == 1
    assert len(result.err.splitlines()) == 1


@pytest.mark.parametrize("kind", [HpassError, UsageError])
def test_an_error_of_several_lines_is_one_line_for_each_file(
    hpass: Any, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[HpassError]
) -> None:
    def fail(*_arguments: object, **_options: object) -> NoReturn:
        raise kind(f"a{LINE_BREAKS}b")

    monkeypatch.setattr("hpass.cli.run_job.load", fail)
    (tmp_path / "out").mkdir()

    result = hpass("run", model, FIXTURES / "hybrid.onnx", "-o", tmp_path / "out")

    assert result.status != 0
    assert len(result.err.splitlines()) == 2


def test_no_command_at_all_is_the_help_with_status_2(hpass: Any) -> None:
    result = hpass()

    assert (result.status, result.out) == (2, "")
    assert "Commands:" in result.err
