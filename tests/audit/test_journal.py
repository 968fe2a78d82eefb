"""The journal: synced frames, torn tails, files of dead processes, and a bound on all of them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from stores import feedback, file_size_limit, record, token_use

from cds_service.audit.journal import Journal
from cds_service.audit.rows import Write, make_write

LIMIT = 1 << 20
DIES = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, "tests")
from stores import record
from cds_service.audit.journal import Journal
from cds_service.audit.rows import make_write
journal = Journal(Path(sys.argv[1]), 1 << 20)
journal.append([make_write(record("a-1"))])
print("written", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where journals are; not there yet."""
    return tmp_path / "data" / "journal"


@pytest.fixture
def journal(directory: Path) -> Iterator[Journal]:
    """An open journal."""
    with closing(Journal(directory, LIMIT)) as opened:
        yield opened


def writes(*identities: str) -> list[Write]:
    """A write for each id."""
    return [make_write(record(identity)) for identity in identities]


def replay(journal: Journal) -> list[Write]:
    """What can be replayed, which is removed."""
    found: list[Write] = []
    for sealed in journal.replayable():
        found += sealed.writes()
        sealed.remove()
    return found


def ids(found: Sequence[Write]) -> list[str]:
    """The ids of the records of writes."""
    return [row.id for write in found for row in write.records]


def files(directory: Path) -> list[Path]:
    """The files in the directory."""
    return sorted(directory.iterdir())


def test_what_was_appended_is_replayed_whole(journal: Journal) -> None:
    """A write comes back as it was: its salt, leaf, mentions, and the use of its token."""
    whole = make_write(feedback("f-1", token_use=token_use("body")), feedback("f-2"))
    journal.append([whole])
    journal.append(writes("a-1"))
    journal.seal()

    found = replay(journal)

    assert found[0] == whole
    assert ids(found) == ["f-1", "f-2", "a-1"]


def test_a_replayed_journal_is_gone(journal: Journal, directory: Path) -> None:
    """Nothing is left, and nothing is replayed again."""
    journal.append(writes("a-1"))
    journal.seal()
    replay(journal)

    assert (replay(journal), files(directory), journal.size()) == ([], [], 0)


def test_nothing_is_replayed_from_under_its_writer(journal: Journal, directory: Path) -> None:
    """As long as a journal may grow, neither its own process nor another takes it."""
    journal.append(writes("a-1"))

    with closing(Journal(directory, LIMIT)) as other:
        assert (replay(journal), replay(other)) == ([], [])


def test_a_link_to_a_file_elsewhere_is_no_journal(journal: Journal, directory: Path) -> None:
    """Where others may write into the directory, they do not choose what we open or remove."""
    journal.append(writes("a-1"))
    journal.seal()
    (file,) = files(directory)
    elsewhere = file.rename(directory.parent / "elsewhere")
    (directory / "1-link.journal").symlink_to(elsewhere)

    assert replay(journal) == []
    assert elsewhere.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_another_user_wrote_is_no_journal_of_ours(journal: Journal, directory: Path) -> None:
    """Where others may write into the directory, they do not write our records."""
    journal.append(writes("a-1"))
    journal.seal()
    (file,) = files(directory)
    os.chown(file, 65534, 65534)

    assert replay(journal) == []
    os.chown(file, os.geteuid(), os.getegid())
    assert ids(replay(journal)) == ["a-1"]


def test_a_journal_goes_on_after_it_was_sealed(journal: Journal) -> None:
    """What comes behind is in a file of its own."""
    journal.append(writes("a-1"))
    journal.seal()
    journal.append(writes("a-2"))

    first = replay(journal)
    journal.seal()

    assert (ids(first), ids(replay(journal))) == (["a-1"], ["a-2"])


def test_the_journal_of_a_killed_process_is_taken_over(journal: Journal, directory: Path) -> None:
    """While the process lives its file is its own; once it is killed anybody replays it."""
    command = [sys.executable, "-c", DIES, str(directory)]
    pipe = subprocess.PIPE
    home = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=home) as process:
        assert process.stdout
        assert process.stdout.readline() == "written\n"
        while_alive = replay(journal)
        process.communicate("die\n")

    assert (while_alive, ids(replay(journal))) == ([], ["a-1"])


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_a_torn_tail_is_passed_over(journal: Journal, directory: Path, torn: int) -> None:
    """A frame that its process did not finish was never acknowledged; those before it are whole."""
    journal.append(writes("a-1", "a-2"))
    journal.seal()
    (path,) = files(directory)
    os.truncate(path, path.stat().st_size - torn)

    assert ids(replay(journal)) == ["a-1"]
    assert files(directory) == []


def test_a_frame_that_rots_costs_no_other_and_is_put_aside(
    journal: Journal, directory: Path
) -> None:
    """A flipped bit in the middle is found; what is around it is replayed, and the file kept."""
    journal.append(writes("a-1", "a-2", "a-3"))
    journal.seal()
    (path,) = files(directory)
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)

    assert ids(replay(journal)) == ["a-1", "a-3"]
    assert [file.suffix for file in files(directory)] == [".damaged"]
    assert replay(journal) == []


def test_a_full_journal_takes_nothing_and_loses_nothing(directory: Path) -> None:
    """What would go beyond the limit is refused whole; what was there stays."""
    with closing(Journal(directory, LIMIT)) as measure:
        measure.append(writes("a-1"))
        size = measure.size()
    with closing(Journal(directory, 2 * size)) as journal:
        journal.append(writes("a-2"))
        with pytest.raises(OSError, match="full"):
            journal.append(writes("a-3"))
        journal.seal()

        assert sorted(ids(replay(journal))) == ["a-1", "a-2"]


def test_no_journal_takes_nothing(tmp_path: Path) -> None:
    """With a limit of 0 there is no journal, nor a directory for it."""
    with closing(Journal(tmp_path / "journal", 0)) as journal, pytest.raises(OSError, match="none"):
        journal.append(writes("a-1"))

    assert not (tmp_path / "journal").exists()


def test_a_disk_without_room_leaves_no_half_frame(journal: Journal, directory: Path) -> None:
    """A write that the disk cuts short is taken back, and what follows it can be read."""
    journal.append(writes("a-1"))
    (path,) = files(directory)
    size = path.stat().st_size
    with file_size_limit(size + 10), pytest.raises(OSError, match="large"):
        journal.append(writes("a-2"))
    journal.append(writes("a-3"))
    journal.seal()

    assert sorted(ids(replay(journal))) == ["a-1", "a-3"]
    assert files(directory) == []


@pytest.mark.crd("sec-1")
def test_a_journal_is_its_owners_alone(journal: Journal, directory: Path) -> None:
    """It holds patient data."""
    journal.append(writes("a-1"))

    modes = [path.stat().st_mode & 0o777 for path in (directory, *files(directory))]
    assert modes == [0o700, 0o600]
