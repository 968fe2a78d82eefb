"""The set that a command names, by digest or directories: read, proved as a service would, kept."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from cds_service.access.clients_file import read_clients
from cds_service.app.doorway import check_hosted
from cds_service.app.libraries import library_directories
from cds_service.app.service import assemble_service
from cds_service.audit.libraries import keep_library
from cds_service.audit.log import NoLog
from cds_service.cli.policy.opening import Room, in_directories
from cds_service.errors import AuditError
from cds_service.live.candidate import PolicySet
from cds_service.live.kept_sets import find_kept, is_digest, read_kept
from cds_service.live.proving import check_fit
from cds_service.live.reading import LibraryDirectories
from cds_service.policy.library.artifacts import Library
from cds_service.policy.library.snapshot import digest, pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A set that is fit for service and kept in the store; `seconds` is what proving it took."""

    digest: str
    policies: int
    seconds: float


def choose(room: Room, named: Sequence[str]) -> Chosen:
    """The set of a digest or of directories, those of the settings if none is named; kept.

    Raises:
        AuditError: what is named is neither.
        StartError: the set is not fit for service; the faults are named, a line each.
    """
    if len(named) == 1 and is_digest(named[0]) and not Path(named[0]).is_dir():
        return prove_kept(room, find_kept(room.desk.engine, named[0]))
    begun = time.monotonic()
    policies = read_directories(room, named)
    count = _check(room, policies)
    name = digest(policies.library)
    keep_library(room.desk.engine, name, pack(policies.library))
    return Chosen(digest=name, policies=count, seconds=time.monotonic() - begun)


def prove_kept(room: Room, name: str) -> Chosen:
    """A kept set, read and proved as each process will."""
    begun = time.monotonic()
    count = _check(room, read_kept(room.desk.engine, name))
    return Chosen(digest=name, policies=count, seconds=time.monotonic() - begun)


def read_directories(room: Room, named: Sequence[str]) -> PolicySet:
    """The set that the built-in library and these directories make.

    Raises:
        AuditError: one is no directory.
        StartError: the set is not sound.
    """
    for directory in named:
        if not Path(directory).is_dir():
            raise AuditError(
                f"`{directory}` is neither a directory nor a digest (at least 8 hexadecimal digits)"
            )
    settings = in_directories(room.settings, [Path(directory) for directory in named])
    return LibraryDirectories(library_directories(settings)).read()


def _check(room: Room, policies: PolicySet) -> int:
    """How many policies a set has that a service with these settings may serve."""
    click.echo(f"proving {_counted(policies.library)} …", err=True)
    service = assemble_service(policies.library, room.settings, ehr=None, log=NoLog())
    if room.settings.clients:
        everyone = read_clients(Path(room.settings.clients).expanduser())
        check_hosted(everyone, service.index)
    check_fit(policies, service.index)
    return len(service.index.policies)


def _counted(library: Library) -> str:
    return f"{len(library.by_key)} artifacts"
