"""Watching directories: every change is noticed once it has come to rest, and nothing else is."""

import errno
import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event

import pytest
from stores import wait_until
from two_sets import AUTUMN, SPRING, replace_file, turn, write_set, write_volume

from cds_service.live.reading import LibraryDirectories, Watched
from cds_service.live.watching import Notify, Watcher, notices

SETTLED = 0.2
QUIET = 1.5  # seconds in which a notice would have come


@contextmanager
def watching(*directories: Path, notify: Notify = notices) -> Iterator[list[float]]:
    """When changes were noticed in these directories, which are watched while the block runs."""
    noticed: list[float] = []
    watched = LibraryDirectories(directories)
    watcher = Watcher(
        watched,
        lambda: noticed.append(time.monotonic()),
        watched.fingerprint(),
        notify=notify,
        settled=SETTLED,
        poll_every=0.1,
    )
    with closing(watcher):
        watcher.start()
        Event().wait(0.3)  # so that what follows is a change of what is watched already
        yield noticed


def rewrite(library: Path) -> None:
    """An editor saves a file."""
    (library / "cases.json").write_bytes(b"{}")


def rename_into_place(library: Path) -> None:
    """A careful editor saves a file."""
    replace_file(library / "cases.json", b"{}")


def add_below(library: Path) -> None:
    """A payer is added, in a directory of its own."""
    write_set(library / "new" / "payer", AUTUMN)


def remove_file(library: Path) -> None:
    """A policy is withdrawn."""
    (library / "PlanDefinition-acme-3.json").unlink()


def remove_directory(library: Path) -> None:
    """A disk is unmounted."""
    shutil.rmtree(library)


def replace_directory(library: Path) -> None:
    """A release is moved into place."""
    library.rename(library.with_name("old"))
    write_set(library, AUTUMN)


@pytest.mark.parametrize(
    "change",
    [rewrite, rename_into_place, add_below, remove_file, remove_directory, replace_directory],
)
def test_a_change_is_noticed(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """By whatever means a set is deployed."""
    library = write_set(tmp_path / "library", SPRING)
    with watching(library) as noticed:
        change(library)
        wait_until(lambda: bool(noticed))


@pytest.mark.long
def test_changes_go_on_being_noticed_in_what_has_come_later(tmp_path: Path) -> None:
    """In a new directory, and in one that takes the place of another."""
    library = write_set(tmp_path / "library", SPRING)
    with watching(library) as noticed:
        for number, change in enumerate([add_below, replace_directory, add_below, remove_file]):
            change(library)
            wait_until(lambda number=number: len(noticed) > number)  # type: ignore[misc]
            Event().wait(SETTLED)


def test_a_link_that_is_turned_is_noticed_every_time(tmp_path: Path) -> None:
    """The directory it stands in is watched, and the release it leads to."""
    releases = [write_set(tmp_path / "releases" / season, season) for season in (SPRING, AUTUMN)]
    (tmp_path / "etc").mkdir()
    link = tmp_path / "etc" / "policies"
    link.symlink_to(releases[0])
    with watching(link) as noticed:
        turn(link, releases[1])
        wait_until(lambda: len(noticed) == 1)
        turn(link, releases[0])
        wait_until(lambda: len(noticed) == 2)
        rewrite(releases[0])
        wait_until(lambda: len(noticed) == 3)


@pytest.mark.long
def test_a_volume_that_is_updated_is_noticed_every_time(tmp_path: Path) -> None:
    """Nothing that is read changes but what `..data` leads to."""
    write_volume(tmp_path, 0, SPRING)
    with watching(tmp_path) as noticed:
        for number, season in enumerate([AUTUMN, SPRING, AUTUMN], start=1):
            write_volume(tmp_path, number, season)
            wait_until(lambda number=number: len(noticed) == number)  # type: ignore[misc]


@pytest.mark.long
def test_a_set_that_is_copied_slowly_is_noticed_once_it_has_come_to_rest(tmp_path: Path) -> None:
    """Half of it is never read."""
    source = write_set(tmp_path / "source", AUTUMN)
    library = write_set(tmp_path / "library", SPRING)
    with watching(library) as noticed:
        for file in sorted(source.iterdir()):
            body = file.read_bytes()
            for part in (body[:10], body):
                (library / file.name).write_bytes(part)
                Event().wait(SETTLED / 4)
        whole = time.monotonic()
        wait_until(lambda: bool(noticed))
        Event().wait(QUIET)

    (at,) = noticed
    assert at > whole


@pytest.mark.long
def test_what_is_not_of_the_policies_is_not_noticed(tmp_path: Path) -> None:
    """Hidden files, files beside the directory, and being read."""
    library = write_set(tmp_path / "library", SPRING)
    (library / ".git").mkdir()
    with watching(library) as noticed:
        (library / ".git" / "index.json").write_text("{}")
        (library / ".cases.json.swp").write_text("{}")
        (library / "README.md").write_text("for people")
        (tmp_path / "other.json").write_text("{}")
        LibraryDirectories([library]).read()
        Event().wait(QUIET)

    assert noticed == []


def test_what_changed_before_it_was_watched_is_noticed(tmp_path: Path) -> None:
    """A start takes seconds, in which a set may be deployed."""
    library = write_set(tmp_path / "library", SPRING)
    directories, noticed = LibraryDirectories([library]), list[int]()
    before = directories.fingerprint()
    rewrite(library)
    watcher = Watcher(directories, lambda: noticed.append(1), before, settled=SETTLED)
    with closing(watcher):
        watcher.start()
        wait_until(lambda: bool(noticed))


class Fleeting(LibraryDirectories):
    """Directories behind a link that is gone when the first look follows it, and back after."""

    looks = 0

    def watched(self) -> Watched:
        """Where a change shows, from the second look on."""
        self.looks += 1
        if self.looks == 1:
            raise FileNotFoundError
        return super().watched()


def test_a_link_that_is_removed_while_it_is_followed_does_not_end_the_watch(tmp_path: Path) -> None:
    """`ln -sfn` removes it before it makes it anew."""
    library = write_set(tmp_path / "library", SPRING)
    directories, noticed = Fleeting([library]), list[int]()
    before = directories.fingerprint()
    watcher = Watcher(directories, lambda: noticed.append(1), before, settled=SETTLED)
    with closing(watcher):
        watcher.start()
        rewrite(library)
        wait_until(lambda: bool(noticed))


def test_without_watches_changes_are_looked_for_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Linux has so many watches and no more, which other programs may have taken."""

    def no_watches(_watched: Watched, _closed: Event) -> Iterator[bool]:
        raise OSError(errno.ENOSPC, "no space left on device")
        yield

    library = write_set(tmp_path / "library", SPRING)
    with watching(library, notify=no_watches) as noticed:
        rewrite(library)
        wait_until(lambda: bool(noticed))

    (line,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "fs.inotify.max_user_watches" in line.getMessage()
    assert "every 0.1 seconds" in line.getMessage()


def test_without_notices_a_look_finds_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is where another host writes to a network file system."""
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "true")
    library = write_set(tmp_path / "library", SPRING)
    with watching(library) as noticed:
        rewrite(library)
        wait_until(lambda: bool(noticed))
