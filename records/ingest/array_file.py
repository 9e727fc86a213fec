"""Named arrays of HDF5 and NPZ files."""

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from tfmsnet.errors import UserError

_HDF5 = (".h5", ".hdf5", ".hdf", ".mat")


@contextmanager
def open_arrays(path: Path) -> Iterator[Callable[[str], np.ndarray]]:
    """Yield a function name -> array; a name of HDF5 may have groups, as in "results/c".

    Raises:
        UserError: no such file, another kind, damaged, or no array of a name.
    """
    suffix = path.suffix.lower()
    if suffix not in (*_HDF5, ".npz"):
        raise UserError(f"{path}: expected a file of the kind {', '.join(_HDF5)} or .npz")
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected one with arrays")
    try:
        with h5py.File(path, "r") if suffix in _HDF5 else np.load(path, allow_pickle=False) as file:
            names = _dataset_names(file) if suffix in _HDF5 else file.files

            def read(name: str) -> np.ndarray:
                if name not in names:
                    raise UserError(f"dataset {name} is missing; found {', '.join(names) or 'none'}")
                return np.asarray(file[name][()] if suffix in _HDF5 else file[name])

            yield read
    except UserError:
        raise
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, KeyError) as error:
        kind = "HDF5" if suffix in _HDF5 else "NPZ"
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not readable as {kind}, it may be truncated or of another kind: {reason}"
        ) from None


def _dataset_names(file: h5py.File) -> list[str]:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return names
