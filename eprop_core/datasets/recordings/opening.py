"""Which reader a file or folder needs: its content decides, not its name."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from eprop_core.datasets.layout import HDF5, ZIP
from eprop_core.datasets.recordings.folder import open_folder
from eprop_core.datasets.recordings.hdf5 import open_hdf5
from eprop_core.datasets.recordings.npz import open_npz
from eprop_core.datasets.recordings.sensor import Sensor
from eprop_core.datasets.recordings.source import Learn, Source
from eprop_core.errors import DatasetError
from eprop_core.files.archive import open_archive
from eprop_core.files.regular import NotRegularError, open_regular

_EXPECTED = "expected HDF5 as of SHD, .npz, or a folder with a folder of recordings for each class"


@contextmanager
def open_recordings(path: Path, sensor: Sensor | None, learn: Learn) -> Iterator[Source]:
    """Yield the recordings of a file or folder. A zip archive of one HDF5 file is unpacked for as long as that takes.

    Parameters
    ----------
    path
        File or folder.
    sensor
        Its channels; None: the configuration does not say.
    learn
        What is learned.

    Raises
    ------
    DatasetError
        If it is missing, damaged, or of no known kind, here or when a sample is read.
    """
    with ExitStack() as stack:
        if path.is_dir():
            source = open_folder(path, sensor, learn)
        else:
            start = _first_bytes(path)
            if start.startswith(HDF5):
                source = stack.enter_context(open_hdf5(path, path, learn))
            elif start.startswith(ZIP):
                packed = _packed_hdf5(stack, path)
                source = (
                    open_npz(path, learn) if packed is None else stack.enter_context(open_hdf5(path, packed, learn))
                )
            else:
                raise DatasetError(f"{path}: {'empty' if not start else 'of no known kind'}; {_EXPECTED}")
        if source.n_samples == 0:
            raise DatasetError(f"{path}: no samples; expected at least one")
        yield source


def _first_bytes(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(len(HDF5))
    except FileNotFoundError:
        raise DatasetError(f"{path}: no such file or directory; {_EXPECTED}") from None
    except NotRegularError as error:
        raise DatasetError(str(error)) from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}); {_EXPECTED}") from None


def _packed_hdf5(stack: ExitStack, path: Path) -> IO[bytes] | None:
    """Return the HDF5 file of an archive, unpacked into an unnamed temporary file; None: the archive has none."""
    with open_archive(path, str(path)) as archive:
        members = [name for name in archive.entries if name.endswith((".h5", ".hdf5"))]
        if len(members) > 1:
            raise DatasetError(f"{path}: {len(members)} HDF5 files in the archive; expected one")
        return stack.enter_context(archive.unpack(members[0])) if members else None
