"""Reading library directories while others write in them: a whole set, or none.

Before a read and after it the files are noted: where each is, which, how large, when written. Only
if nothing has changed between is what was read one set; else it is read again. What has been
written just now is given a moment first: whoever copies file by file may be between two of them.
How long files have rested is seen here, by a clock that nobody sets; only of those that are there
at the first look their own times tell.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cds_service.authoring.cases import read_cases
from cds_service.errors import ArtifactError, NotThereYet
from cds_service.live.candidate import Candidate, PolicySet, Source
from cds_service.live.links import links_to
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.files import library_folders, library_names

SETTLED = 1.0  # seconds without a change after which a set is taken to be whole
_TRIES = 10  # reads of files that change meanwhile
_PAUSE = 0.1  # seconds between two of them
_SECOND = 1e9  # nanoseconds


class _Seen(NamedTuple):
    """A file: the path it is named by, its real one if it is a link, and what tells a change.

    Times are in nanoseconds. What was written with the `modified` of another is changed all the
    same: that time nobody sets.
    """

    path: str
    real: str
    device: int
    inode: int
    size: int
    modified: int
    changed: int


# Of every file what is seen of it, or why it is not; of every directory where it is.
Fingerprint = frozenset[tuple[object, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Where a change shows: directories whose entries count, and single paths that do."""

    folders: frozenset[Path]
    paths: frozenset[Path]

    def counts(self, path: Path) -> bool:
        """Whether a change of this path may be one of the policies."""
        return path in self.paths or path.parent in self.folders

    @property
    def places(self) -> frozenset[Path]:
        """The directories in which it has to be seen."""
        return self.folders | {path.parent for path in self.paths}


class LibraryDirectories:
    """The directories a service was started with, the later overlaying the earlier.

    `settled` is how many seconds files have to rest before they are read; `host` is the clock that
    the times of files go by, in seconds since 1970.
    """

    def __init__(
        self,
        directories: Sequence[Path],
        *,
        settled: float = SETTLED,
        host: Callable[[], float] = time.time,
    ) -> None:
        self.given, self._settled, self._host = tuple(directories), settled, host
        self._seen: tuple[Fingerprint, float] | None = None  # what rests, and since when
        self._filled = {directory for directory in directories if _has_files(directory)}

    def candidate(self) -> Candidate:
        """The set in the directories, as it will be when its turn has come."""
        return Candidate(read=self.read, source=Source.DIRECTORIES)

    def read(self) -> PolicySet:
        """The set in the directories, and its cases.

        Raises:
            ArtifactError: a directory is missing or has been emptied, or a file is not sound.
            NotThereYet: the files keep changing.
        """
        for _ in range(_TRIES):
            before = self.fingerprint()
            if not self._have_settled(before):
                continue
            try:
                policies = self._read()
            except ArtifactError:
                # What vanished or was half written while it was read is a change, not a fault.
                if self.fingerprint() == before:
                    raise
            else:
                if self.fingerprint() == before:
                    return policies
            time.sleep(_PAUSE)
        raise NotThereYet("the files of the library keep changing")

    def _have_settled(self, files: Fingerprint) -> bool:
        """Whether files rest; where one was changed just now, only after a moment's wait."""
        left = self._settled - (time.monotonic() - self._resting_since(files))
        if left <= 0:
            return True
        time.sleep(left)
        return self.fingerprint() == files

    def _resting_since(self, files: Fingerprint) -> float:
        """Since when files have been seen as they are, by the monotonic clock."""
        if self._seen is None:
            latest = max((seen.changed for seen in files if isinstance(seen, _Seen)), default=0)
            # By another host's clock a change may be one of the future.
            rested = max(0.0, self._host() - latest / _SECOND)
            self._seen = files, time.monotonic() - rested
        elif self._seen[0] != files:
            self._seen = files, time.monotonic()
        return self._seen[1]

    def _read(self) -> PolicySet:
        # Each once: behind a link that turns meanwhile, the rest would be another release's.
        roots = [_resolve(directory) for directory in self.given]
        self._check_filled(roots)
        library = read_library(roots)
        return PolicySet(library, tuple(case for root in roots for case in read_cases(root)))

    def _check_filled(self, roots: Sequence[Path]) -> None:
        """Pass unless one that had policies has none: it was emptied, or is not mounted."""
        for directory, root in zip(self.given, roots, strict=True):
            if _has_files(root):
                self._filled.add(directory)
            elif directory in self._filled:
                problem = "had policies and has none any more; to serve without it, restart"
                raise ArtifactError(directory, "$", problem)

    def fingerprint(self) -> Fingerprint:
        """What the files are now; it differs if any has been changed, added, moved or removed."""
        files = frozenset(entry for path in self.given for entry in _entries(path))
        self._resting_since(files)
        return files

    def watched(self) -> Watched:
        """Where a change of the set shows."""
        folders = {folder for path in self.given for folder in _folders(path)}
        paths = {path.absolute() for path in self.given}
        links = {link for path in self.given for link in links_to(path)}
        real = {Path(os.path.realpath(path)) for path in self.given}
        return Watched(folders=frozenset(folders), paths=frozenset(paths | links | real))

    def shorten(self, text: str) -> str:
        """A text without the names of the directories: who may ask need not know where they are."""
        named = {name: path.name for path in self.given for name in _names(path)}
        for name in sorted(named, key=len, reverse=True):  # a relative one may end another
            whole = rf"(?<![\w./-]){re.escape(name)}"
            text = re.sub(rf"{whole}{re.escape(os.sep)}", "", text)
            text = re.sub(rf"{whole}(?![\w-])", named[name].replace("\\", r"\\"), text)
        return text


def _names(path: Path) -> tuple[str, str]:
    """A directory as it was given, and where it is."""
    return str(path), os.path.realpath(path)


def _has_files(directory: Path) -> bool:
    return directory.is_dir() and any(library_names(directory))


def _resolve(directory: Path) -> Path:
    try:
        return directory.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links, in Python 3.11 and 3.12
        raise ArtifactError(directory, "$", "no such library directory") from error


def _entries(directory: Path) -> Iterator[tuple[object, ...]]:
    root = Path(os.path.realpath(directory))
    yield str(directory), str(root)
    try:
        for file in library_names(root):
            yield _entry(file)
    except ArtifactError as error:
        yield str(error.path), error.problem


def _entry(file: str) -> tuple[object, ...]:
    """By its real path too: that of a link changes with a link before it."""
    real = ""
    try:
        seen = os.lstat(file)
        if stat.S_ISLNK(seen.st_mode):
            real = os.path.realpath(file)
            seen = os.stat(file)  # noqa: PTH116  # a Path takes ten times as long
    except OSError as error:
        return file, real, error.errno
    return _Seen(
        path=file,
        real=real,
        device=seen.st_dev,
        inode=seen.st_ino,
        size=seen.st_size,
        modified=seen.st_mtime_ns,
        changed=seen.st_ctime_ns,
    )


def _folders(directory: Path) -> Iterator[Path]:
    """The directories in it, and those that its linked files stand in."""
    root = Path(os.path.realpath(directory))
    try:
        yield from library_folders(root)
        for file in library_names(root):
            if os.path.islink(file):  # noqa: PTH114  # as above
                yield Path(os.path.realpath(file)).parent
    except ArtifactError:  # it is not there now: what shows is that it comes back
        return
