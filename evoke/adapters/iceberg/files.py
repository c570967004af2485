"""Files of a table in a local folder, written durably.

PyIceberg's own local file systems do not call fsync: after the loss of power a catalog could point at
metadata that was never written. Here a file and the name of it are on disk when its stream is closed.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.typedef import EMPTY_DICT, Properties

from evoke.ports.archive import TABLE

ROOT_PROPERTY = "evoke.root"


class DurableFileIO(FileIO):
    """PyIceberg's door to the files of the table under the folder that the property `evoke.root` names.

    Locations are resolved by what follows the table's name in them, hence inside the folder, wherever the
    folder was when they were written: a data directory can be moved.
    """

    def __init__(self, properties: Properties = EMPTY_DICT) -> None:
        """Raises KeyError when the properties do not name the folder."""
        super().__init__(properties)
        self._root = Path(properties[ROOT_PROPERTY])

    def new_input(self, location: str) -> LocalInput:
        """Describe a file to read."""
        return LocalInput(location, self.path(location))

    def new_output(self, location: str) -> LocalOutput:
        """Describe a file to write."""
        return LocalOutput(location, self.path(location))

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Remove a file. Raises FileNotFoundError."""
        self.path(location if isinstance(location, str) else location.location).unlink()

    def path(self, location: str) -> Path:
        """Return where the file of that location lies. Raises ValueError when it is not the table's."""
        inside = location.rpartition(f"/{TABLE}/")[2]
        if not inside or inside == location or ".." in inside.split("/"):
            raise ValueError(f"{location!r} is no place in the table")
        return self._root / TABLE / inside


class LocalInput(InputFile):
    """A file that is there to be read."""

    def __init__(self, location: str, path: Path) -> None:
        super().__init__(location)
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size

    def exists(self) -> bool:
        """Tell whether there is such a file."""
        return self._path.exists()

    def open(self, seekable: bool = True) -> io.BufferedReader:
        """Open the file. Raises FileNotFoundError."""
        return self._path.open("rb")


class LocalOutput(OutputFile):
    """A file that is to be written."""

    def __init__(self, location: str, path: Path) -> None:
        super().__init__(location)
        self._path = path

    def __len__(self) -> int:
        return self._path.stat().st_size

    def exists(self) -> bool:
        """Tell whether there is such a file already."""
        return self._path.exists()

    def to_input_file(self) -> LocalInput:
        """Describe the same file, to read it."""
        return LocalInput(self.location, self._path)

    def create(self, overwrite: bool = False) -> DurableStream:
        """Create the file. Raises FileExistsError unless it may be overwritten."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return DurableStream(self._path, overwrite=overwrite)


class DurableStream(io.BufferedWriter):
    """A file whose bytes and name are on disk once it is closed."""

    def __init__(self, path: Path, *, overwrite: bool) -> None:
        super().__init__(io.FileIO(path, "wb" if overwrite else "xb"))
        self._folder = path.parent

    def close(self) -> None:
        """Flush to disk and close. Raises OSError (no space, a broken disk)."""
        if self.closed:
            return
        try:
            self.flush()
            os.fsync(self.fileno())
        finally:
            super().close()
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
