"""Checkpoints leave the database to a file, a command, or a URL."""

import stat
import sys
import time
from pathlib import Path

import pytest
from signed_logs import SIGNER

from cds_service.audit.checkpoint import Checkpoint, split_notes
from cds_service.audit.witnesses import CheckpointFile, CommandWitness, UrlWitness, open_outside
from cds_service.errors import NotPublished, RequestFailed, SettingError


def note_of(size: int) -> str:
    """The note of a checkpoint of this size."""
    return SIGNER.sign(str(Checkpoint(origin=SIGNER.name, size=size, root=bytes([size] * 32))))


NOTES = [note_of(size) for size in (1, 2, 3)]


def refuse(_url: str, _body: bytes) -> None:
    """A way to send that always fails."""
    raise RequestFailed("refused")


def test_a_file_holds_each_checkpoint_once_and_in_order(tmp_path: Path) -> None:
    """However often they come; only its owner may read it."""
    file = CheckpointFile(path=tmp_path / "outside" / "checkpoints")
    assert file.last() is None
    file.append(NOTES[:2])
    file.append(NOTES)
    file.append(NOTES[:1])
    last = file.last()

    assert last is not None
    assert last.size == 3
    assert list(split_notes(file.path.read_text().splitlines(keepends=True))) == NOTES
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_file_far_longer_than_what_is_read_of_it_grows_on(tmp_path: Path) -> None:
    """Its end is enough."""
    file = CheckpointFile(path=tmp_path / "checkpoints")
    file.append([note_of(size) for size in range(1, 256)] * 3)
    file.path.write_text(file.path.read_text() * 3)
    size = file.path.stat().st_size
    file.append([NOTES[0]])
    assert file.path.stat().st_size == size
    last = file.last()

    assert size > 100_000
    assert last is not None
    assert last.size == 255


@pytest.mark.parametrize("content", ["my diary\n", "my diary", f"{NOTES[0]}\nand my diary\n"])
def test_a_file_with_something_else_at_its_end_is_left_alone(tmp_path: Path, content: str) -> None:
    """An operator has named the wrong file."""
    file = CheckpointFile(path=tmp_path / "checkpoints")
    file.path.write_text(content)

    with pytest.raises(NotPublished, match="ends with something else"):
        file.append(NOTES)
    assert file.path.read_text() == content


def test_a_file_that_cannot_be_written_is_named_by_its_cause(tmp_path: Path) -> None:
    """A directory has its name."""
    with pytest.raises(NotPublished, match="the file cannot be written: Is a directory"):
        CheckpointFile(path=tmp_path).append(NOTES)


def test_a_command_reads_the_note_from_its_standard_input(tmp_path: Path) -> None:
    """With its arguments as they are: no shell reads them."""
    copy = tmp_path / "a copy; $(rm)"
    command = [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write(sys.stdin.read())"]
    CommandWitness(arguments=(*command, str(copy))).publish(NOTES[0])

    assert copy.read_text() == NOTES[0]


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("import time; time.sleep(60)", "did not end in time"),
    ],
)
def test_a_command_that_fails_has_not_taken_the_note(program: str, problem: str) -> None:
    """Nor one that does not end."""
    arguments = (sys.executable, "-c", program)
    start = time.monotonic()
    with pytest.raises(NotPublished, match=problem):
        CommandWitness(arguments=arguments, seconds=1.0).publish(NOTES[0])
    assert time.monotonic() - start < 30


def test_a_command_that_is_not_there_is_named_so() -> None:
    """By the system's words."""
    with pytest.raises(NotPublished, match="cannot be run: No such file"):
        CommandWitness(arguments=("/nowhere/at/all",)).publish(NOTES[0])


def test_a_url_gets_the_note_as_it_is(tmp_path: Path) -> None:
    """By whatever way of sending is given; its failure is told without the address."""
    sent: list[tuple[str, bytes]] = []
    url = "https://witness.example/log"
    outside = open_outside(url, tmp_path / "kept", lambda *call: sent.append(call))
    outside.witnesses[0].publish(NOTES[0])

    assert sent == [(url, NOTES[0].encode())]
    assert outside.file.path == tmp_path / "kept"
    with pytest.raises(NotPublished, match=r"^the URL did not take it: refused$"):
        UrlWitness(url=url, post=refuse).publish(NOTES[0])


def test_a_file_that_is_set_is_the_one_that_is_kept(tmp_path: Path) -> None:
    """And without any setting the default is."""
    chosen = open_outside(str(tmp_path / "chosen"), tmp_path / "kept", refuse)
    default = open_outside("", tmp_path / "kept", refuse)
    command = open_outside("exec: logger -t 'a b'", tmp_path / "kept", refuse)

    assert chosen.file.path == tmp_path / "chosen"
    assert default.file.path == tmp_path / "kept"
    assert command.witnesses == (CommandWitness(arguments=("logger", "-t", "a b")),)


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("http://witness.example", "`http` is not https"),
        ("ftp://witness.example", "`ftp` is not https"),
        ("exec:", "no command"),
        ("exec: 'x", "the command cannot be read"),
    ],
)
def test_a_place_that_cannot_be_used_stops_the_start(
    tmp_path: Path, setting: str, problem: str
) -> None:
    """The setting is named."""
    with pytest.raises(SettingError, match=f"--checkpoints.*{problem}"):
        open_outside(setting, tmp_path / "kept", refuse)
