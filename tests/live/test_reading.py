"""Reading directories while others write in them: one whole set, or none."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest
from two_sets import AUTUMN, SEASONS, SPRING, digests, turn, write_set, write_volume

from cds_service.authoring.cases import read_cases
from cds_service.errors import ArtifactError, NotThereYet
from cds_service.live.links import links_to
from cds_service.live.reading import SETTLED, Fingerprint, LibraryDirectories
from cds_service.policy.library.artifacts import read_library
from cds_service.policy.library.files import library_files
from cds_service.policy.library.snapshot import digest

READS = 8  # at least, and until each set has been read
PATIENCE = 60.0  # seconds


def digests_read(directory: Path, settled: float = SETTLED) -> list[str]:
    """What is read of a directory in which sets are exchanged all the time.

    The cases that are read with a set are its own. Where a set comes in one step, a read need not
    wait until files rest, so that many can be tried.
    """
    directories, read = LibraryDirectories([directory], settled=settled), dict[str, str]()
    until, count = time.monotonic() + PATIENCE, 0
    while (count < READS or len(read) < len(SEASONS)) and time.monotonic() < until:
        with suppress(NotThereYet):
            policies = directories.read()
            (case,) = policies.cases
            name = digest(policies.library)
            assert read.setdefault(name, case.name) == case.name
            count += 1
    return [*read]


@contextmanager
def going_on(work: Callable[[int], object]) -> Iterator[None]:
    """Work done over and over by a thread, numbered, while the block runs."""
    stop = Event()

    def run() -> None:
        number = 0
        while not stop.is_set():
            work(number)
            number += 1

    worker = Thread(target=run, daemon=True)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join(10)


class Restless(LibraryDirectories):
    """Directories in which somebody writes between any two looks."""

    def fingerprint(self) -> Fingerprint:
        for file in library_files(self.given[0]):
            file.touch()
        return super().fingerprint()


def test_what_is_hidden_is_not_read(tmp_path: Path) -> None:
    """At the first start too: a Kubernetes volume holds every file twice, and a `.git` many."""
    write_volume(tmp_path, 1, SPRING)
    write_set(tmp_path / ".git", AUTUMN)
    (tmp_path / ".#PlanDefinition-acme-1.json").symlink_to("nowhere")

    library = read_library([tmp_path])

    assert len(library.by_key) == 8
    assert [case.name for case in read_cases(tmp_path)] == ["as in spring"]


def test_a_directory_that_cannot_be_seen_is_no_empty_one(tmp_path: Path) -> None:
    """A set without the policies of a payer would look sound."""
    write_set(tmp_path, SPRING)
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    if os.access(locked, os.R_OK):
        pytest.skip("nothing is locked for the superuser")

    with pytest.raises(ArtifactError, match="cannot be read"):
        read_library([tmp_path])


@pytest.mark.long
def test_files_renamed_while_they_are_read_are_never_half_of_each_set(tmp_path: Path) -> None:
    """A read is of one set, or there is none: each rename is seen by inode and time of change."""
    names = digests(tmp_path / "sets")
    library = write_set(tmp_path / "library", SPRING)

    def exchange(number: int) -> None:
        source = tmp_path / "sets" / SEASONS[number % 2]
        for file in sorted(source.iterdir()):
            beside = library / f".{file.name}"
            shutil.copy2(file, beside)
            beside.rename(library / file.name)
            Event().wait(0.1)  # between two files: a copy is never this fast
        Event().wait(1.5 * SETTLED)

    with going_on(exchange):
        assert set(digests_read(library)) == set(names.values())


def test_a_link_that_turns_while_it_is_read_gives_one_release(tmp_path: Path) -> None:
    """The link is followed once; a release that is removed meanwhile is a change, not a crash."""
    names = digests(tmp_path / "sets")
    link = tmp_path / "current"
    link.symlink_to(write_set(tmp_path / "release-0", AUTUMN))

    def deploy(number: int) -> None:
        release = write_set(tmp_path / f"release-{number + 1}", SEASONS[number % 2])
        turn(link, release)
        shutil.rmtree(tmp_path / f"release-{number}")
        Event().wait(0.05)

    with going_on(deploy):
        assert set(digests_read(link, settled=0)) == set(names.values())


def test_a_volume_that_turns_while_it_is_read_gives_one_version(tmp_path: Path) -> None:
    """Kubernetes exchanges `..data`, through which every file of the volume is linked."""
    names = digests(tmp_path / "sets")
    root = tmp_path / "volume"
    root.mkdir()
    write_volume(root, 0, AUTUMN)

    def update(number: int) -> None:
        write_volume(root, number + 1, SEASONS[number % 2])
        shutil.rmtree(root / f"..2026_11_27_{number}")
        Event().wait(0.05)

    with going_on(update):
        assert set(digests_read(root, settled=0)) == set(names.values())


def test_files_are_seen_to_rest_whatever_time_the_host_takes_it_to_be(tmp_path: Path) -> None:
    """A clock that has been set ahead makes what is just being written no older."""
    names = digests(tmp_path / "sets")
    library = write_set(tmp_path / "library", SPRING)
    directories = LibraryDirectories([library], settled=0.3, host=lambda: time.time() + 3600)
    directories.read()
    begun = Event()

    def write_slowly() -> None:
        for file in sorted((tmp_path / "sets" / AUTUMN).iterdir()):
            shutil.copy2(file, library / file.name)
            begun.set()
            time.sleep(0.1)

    writer = Thread(target=write_slowly)
    writer.start()
    begun.wait()
    policies = directories.read()
    writer.join()

    assert digest(policies.library) == names[AUTUMN]


def test_files_that_never_rest_are_not_a_set(tmp_path: Path) -> None:
    """It is tried again later, and nothing is read by chance."""
    with pytest.raises(NotThereYet, match="keep changing"):
        Restless([write_set(tmp_path, SPRING)], settled=0.05).read()


@pytest.mark.parametrize("kept", [0, 1, 100])
def test_a_truncated_file_is_refused_with_its_place(tmp_path: Path, kept: int) -> None:
    """By its name below the directory, with what is wrong."""
    library = write_set(tmp_path / "library", SPRING)
    directories = LibraryDirectories([library])
    file = library / "PlanDefinition-acme-3.json"
    file.write_bytes(file.read_bytes()[:kept])

    with pytest.raises(ArtifactError, match="not JSON") as refused:
        directories.read()

    assert directories.shorten(str(refused.value.path)) == "PlanDefinition-acme-3.json"


def test_a_directory_that_is_removed_is_no_empty_library(tmp_path: Path) -> None:
    """A payer's policies do not vanish because a disk was unmounted."""
    library = write_set(tmp_path / "library", SPRING)
    directories = LibraryDirectories([library])
    shutil.rmtree(library)

    with pytest.raises(ArtifactError, match="no such library directory"):
        directories.read()


def test_a_directory_that_was_emptied_is_no_empty_library(tmp_path: Path) -> None:
    """An empty mount point looks so; one that was empty from the start may stay so."""
    library = write_set(tmp_path / "library", SPRING)
    (empty := tmp_path / "empty").mkdir()
    directories = LibraryDirectories([empty, library])
    assert directories.read().library.by_key
    for file in library.iterdir():
        file.unlink()

    with pytest.raises(ArtifactError, match="had policies and has none any more"):
        directories.read()


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_bytes(file.read_bytes().replace(b"spring", b"autumn")),
        lambda file: file.rename(file.with_name("PlanDefinition-other.json")),
        lambda file: file.unlink(),
        lambda file: shutil.copy(file, file.with_name("copy.json")),
    ],
)
def test_every_change_of_a_file_shows(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """Also one that leaves the size and the time of writing as they were."""
    library = write_set(tmp_path, SPRING)
    directories = LibraryDirectories([library])
    file = library / "PlanDefinition-acme-1.json"
    before, times = directories.fingerprint(), file.stat()
    change(file)
    if file.exists():
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert directories.fingerprint() != before


def test_what_is_the_same_looks_the_same(tmp_path: Path) -> None:
    """To read a set changes nothing of it."""
    directories = LibraryDirectories([write_set(tmp_path, SPRING)])
    before = directories.fingerprint()
    directories.read()

    assert directories.fingerprint() == before


def test_the_links_on_the_way_to_a_directory_are_watched(tmp_path: Path) -> None:
    """Each may be the one that is turned, and stands in a directory of its own."""
    release = write_set(tmp_path / "releases" / "1", SPRING)
    current = tmp_path / "releases" / "current"
    current.symlink_to("1")
    (tmp_path / "etc").mkdir()
    policies = tmp_path / "etc" / "policies"
    policies.symlink_to("../releases/current")

    watched = LibraryDirectories([policies]).watched()

    assert links_to(policies) == {policies, current}
    assert watched.counts(current)
    assert watched.counts(policies)
    assert watched.counts(release / "new.json")
    assert not watched.counts(tmp_path / "etc" / "other.txt")


def test_a_loop_of_links_is_no_directory(tmp_path: Path) -> None:
    """It is named, and nothing goes round in it."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    directories = LibraryDirectories([tmp_path / "a"])

    assert len(links_to(tmp_path / "a")) == 2
    with pytest.raises(ArtifactError, match="no such library directory"):
        directories.read()


def test_no_directory_is_named_wherever_it_is_given_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative name may be the end of an absolute one: neither leaves half of the other."""
    (tmp_path / "srv" / "lib").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "srv")
    directories = LibraryDirectories([Path("lib")])
    inside = tmp_path / "srv" / "lib" / "acme" / "Organization-acme.json"

    assert directories.shorten(f"{inside}: $.id") == "acme/Organization-acme.json: $.id"
    assert directories.shorten("lib/Organization-acme.json") == "Organization-acme.json"
    assert directories.shorten(f"{inside.parents[1]}: no such directory").startswith("lib:")
    assert directories.shorten("a calibration") == "a calibration"


def test_what_is_between_two_files_of_a_copy_is_not_taken_for_whole(tmp_path: Path) -> None:
    """Whoever asks for a reload just then gets the whole set, a moment later."""
    names = digests(tmp_path / "sets")
    library = write_set(tmp_path / "library", SPRING)
    directories = LibraryDirectories([library])
    first, *others = sorted((tmp_path / "sets" / AUTUMN).iterdir())
    shutil.copy2(first, library)

    def copy_the_rest() -> None:
        Event().wait(SETTLED / 3)
        for file in others:
            shutil.copy2(file, library)

    copying = Thread(target=copy_the_rest)
    copying.start()
    read = directories.read()
    copying.join()

    assert digest(read.library) == names[AUTUMN]
