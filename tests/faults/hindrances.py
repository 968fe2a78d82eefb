"""Hindrances: what can be done to a store under load, each for as long as a block lasts."""

import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import psycopg
from faults.site import Site
from faults.workers import Worker

Hindrance = Callable[[Site, Sequence[Worker]], AbstractContextManager[None]]

_TABLES = "token_use, leaf, record, mention"  # as a worker comes to them
_PIECE = 64 * 1024  # bytes


@contextmanager
def locked(site: Site, workers: Sequence[Worker] = ()) -> Iterator[None]:
    """Another program holds all tables, or the one lock that a SQLite file has."""
    if site.database.startswith("sqlite"):
        path = site.database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.execute("ROLLBACK")
        return
    with closing(psycopg.connect(site.database, prepare_threshold=None)) as server:
        _lock_tables(server)
        yield
        server.rollback()


def _lock_tables(server: "psycopg.Connection[tuple[object, ...]]") -> None:
    """Lock them all, again where a worker has locked another of them at the same time."""
    while True:
        try:
            server.execute(f"LOCK TABLE {_TABLES} IN ACCESS EXCLUSIVE MODE")
            return
        except psycopg.errors.DeadlockDetected:
            server.rollback()


def stopped(stop: Sequence[str], start: Sequence[str]) -> Hindrance:
    """The database server is stopped by one command, and started again by another."""

    @contextmanager
    def hinder(site: Site, workers: Sequence[Worker]) -> Iterator[None]:
        subprocess.run(stop, check=True, stdout=subprocess.DEVNULL)
        yield
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL)

    return hinder


@contextmanager
def full_disk(site: Site, workers: Sequence[Worker]) -> Iterator[None]:
    """The file system of the site, a small one of its own, has no byte left; then it has again."""
    ballast = site.directory / "ballast"
    descriptor = os.open(ballast, os.O_CREAT | os.O_WRONLY)
    for size in (_PIECE, 1):
        with suppress(OSError):  # ENOSPC, which is what it is for
            while True:
                os.write(descriptor, b"\0" * size)
    yield
    os.close(descriptor)
    ballast.unlink()


@contextmanager
def no_file_grows(site: Site, workers: Sequence[Worker]) -> Iterator[None]:
    """No file of the workers can be larger than a byte: a full disk that needs no file system."""
    with _limited(workers, resource.RLIMIT_FSIZE, 1):
        yield


@contextmanager
def no_file_opens(site: Site, workers: Sequence[Worker]) -> Iterator[None]:
    """The workers have no descriptor left: what is open stays open, and is all they have."""
    with _limited(workers, resource.RLIMIT_NOFILE, 3):
        yield


@contextmanager
def _limited(workers: Sequence[Worker], kind: int, most: int) -> Iterator[None]:
    processes = [worker.process_id for worker in workers]
    before = [resource.prlimit(process, kind) for process in processes]
    for process, (_, hard) in zip(processes, before, strict=True):
        resource.prlimit(process, kind, (most, hard))
    yield
    for process, limits in zip(processes, before, strict=True):
        resource.prlimit(process, kind, limits)


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system in memory of so many bytes, such as `24m`, mounted there; only root may."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", directory], check=True)
