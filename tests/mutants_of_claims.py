"""Mutants: small bugs, each of which breaks a requirement, that the tests claiming it must notice.

They are written in `mutants/*.toml`. A trial is one mutant and one key that it breaks: in a copy of
the checkout the bug is made, and only the tests that claim the key are run.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from claims import TABLES, read_claims, tests_by_key
from package_under_test import ROOT

DIRECTORY = Path(__file__).parent / "mutants"
LONGEST_SECONDS = 600  # of one run of some tests
_NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "*.sqlite3*")
_FAILED_TEST = re.compile(r"^FAILED (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One bug: in `file`, `old` becomes `new`, which breaks what each of the keys demands."""

    keys: tuple[str, ...]
    breaks: str
    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A mutant before the tests, by node id, that claim one of the keys it breaks."""

    key: str
    mutant: Mutant
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}: {self.mutant.breaks}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run of some tests ended with: its exit status, which tests failed, and its output."""

    status: int
    failed: tuple[str, ...]
    output: str

    @property
    def kills(self) -> bool:
        """Whether a test failed: an error before any test is no proof that one notices."""
        return self.status == 1 and bool(self.failed)


def read_mutants(directory: Path = DIRECTORY) -> tuple[Mutant, ...]:
    """Every mutant written down."""
    return tuple(
        Mutant(
            keys=tuple(table["keys"]),
            breaks=table["breaks"],
            file=table["file"],
            old=table["old"],
            new=table["new"],
        )
        for file in sorted(directory.glob("*.toml"))
        for table in tomllib.loads(file.read_text("utf-8"))["mutant"]
    )


def read_trials() -> tuple[Trial, ...]:
    """Each mutant with each key it breaks, and the tests that claim the key, in either table."""
    tests: dict[str, tuple[str, ...]] = {}
    for mark in TABLES:
        tests.update(tests_by_key(read_claims(mark)))
    return tuple(
        Trial(key=key, mutant=mutant, tests=tests.get(key, ()))
        for mutant in read_mutants()
        for key in mutant.keys
    )


def counts(trials: Sequence[Trial]) -> Mapping[str, int]:
    """How many mutants each key has."""
    keys = [trial.key for trial in trials]
    return {key: keys.count(key) for key in keys}


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the checkout that mutants are made in, one at a time; `options` are for pytest."""

    root: Path
    options: tuple[str, ...] = ()

    def run(self, tests: Sequence[str]) -> Run:
        """Run tests by node id until the first one fails."""
        arguments = (
            "-x",
            "-q",
            "--tb=short",
            "-rf",
            "-p",
            "no:cacheprovider",
            "-n0",
            *self.options,
        )
        environment = {**os.environ, "PYTHONPATH": str(self.root), "COLUMNS": "100"}
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments, f"--basetemp={self.root}.tmp", *tests],
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        failed = tuple(_FAILED_TEST.findall(ended.stdout))
        return Run(status=ended.returncode, failed=failed, output=ended.stdout)

    @contextmanager
    def holding(self, mutant: Mutant) -> Iterator[None]:
        """The copy with a mutant in it; as before afterwards.

        Raises:
            ValueError: what it changes is not there exactly once.
        """
        file = self.root / mutant.file
        before, times = file.read_text("utf-8"), file.stat()
        try:
            self._write(file, mutated(before, mutant))
            yield
        finally:
            self._write(file, before)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def _write(self, file: Path, source: str) -> None:
        """Write a file, and drop what Python compiled of it: it tells changes by whole seconds."""
        file.write_text(source, "utf-8")
        if file.suffix == ".py":
            Path(cache_from_source(str(file))).unlink(missing_ok=True)


def mutated(source: str, mutant: Mutant) -> str:
    """A source with the mutant in it.

    Raises:
        ValueError: what it changes is not there exactly once.
    """
    found = source.count(mutant.old)
    if found != 1 or mutant.old == mutant.new:
        raise ValueError(f"{mutant.file}: {found} times what “{mutant.breaks}” changes")
    return source.replace(mutant.old, mutant.new)


def copy_checkout(root: Path) -> Copy:
    """A copy of the checkout at `root`, which is made."""
    shutil.copytree(ROOT, root, ignore=_NOT_COPIED)
    for hidden in (".ci", ".github", ".gitignore"):  # that tests read
        if (ROOT / hidden).is_dir():
            shutil.copytree(ROOT / hidden, root / hidden)
        elif (ROOT / hidden).exists():
            shutil.copy2(ROOT / hidden, root / hidden)
    return Copy(root, ("--long",))  # what takes long claims keys too
