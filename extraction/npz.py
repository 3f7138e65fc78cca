"""Write arrays as .npz; `numpy.savez` takes names as keywords, so that it cannot write an array named `file`."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np


def npz_bytes(arrays: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Return arrays as the content of an .npz file."""
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return file.getvalue()
