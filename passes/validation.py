"""The last pass: nothing is without a tag, every tag is in the table, and nothing but tags changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .base import Pass, option

if TYPE_CHECKING:
    from .context import Context


@dataclass(frozen=True)
class Validation(Pass):
    """Check coverage, tags and structure, and report what is odd about the model.

    What breaks the contract is an error; what was wrong with the input is a warning; what is only worth knowing (tied
    weights, regions that are not convex) is info.
    """

    name: ClassVar[str] = "validation"
    runtime: bool = option(False, "run the model before and after with onnxruntime; outputs must be bit-identical")
    checker: bool = option(True, "run onnx.checker on the structure of the model, without its weights")

    def apply(self, context: Context) -> None:
        """Report findings; nothing is tagged or changed."""
        from . import checks

        checks.check_tags(context)
        if self.checker:
            checks.check_input(context)
        checks.find_oddities(context)
        if self.runtime:
            checks.compare_with_input(context)
