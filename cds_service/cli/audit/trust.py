"""What a check trusts: public keys and a copy of the checkpoints, as options name them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cds_service.audit.checkpoint import split_notes
from cds_service.audit.sequencer import CHECKPOINTS
from cds_service.audit.signed_note import Verifier, parse_verifier
from cds_service.audit.signing_key import FILE_NAME, read_signer
from cds_service.database.private_files import words_of
from cds_service.errors import AuditError, StartError
from cds_service.settings import Settings

UNUSABLE = 2  # exit status: nothing could be checked; 1 is a finding

_Command = Callable[..., None]


def with_public_keys(command: _Command) -> _Command:
    """The command with `--public-key`, any number of times, as `public_keys`."""
    return click.option(
        "--public-key",
        "public_keys",
        multiple=True,
        metavar="KEY",
        help="a public key that is trusted, as `crd audit key` prints it, or a file of such lines",
    )(command)


def read_public_keys(texts: Sequence[str]) -> tuple[Verifier, ...]:
    """The keys that these texts, or the files they name, hold.

    Raises:
        AuditError: one of them is none.
    """
    lines = [line for text in texts for line in _lines_of(text)]
    try:
        return tuple(map(parse_verifier, lines))
    except ValueError as error:
        raise AuditError(f"--public-key: {error}") from error


def _lines_of(text: str) -> list[str]:
    if "+" in text:
        return [text]
    try:
        return [line for line in Path(text).read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"--public-key: `{text}` is neither a key nor a file of keys") from error


def known_keys(settings: Settings, texts: Sequence[str]) -> tuple[Verifier, ...]:
    """The keys that are given; if none are, that of this service's own signing key.

    Raises:
        AuditError: there is none, or one that is given is none.
        SettingError: the signing key cannot be used.
    """
    if texts:
        return read_public_keys(texts)
    path = key_path(settings)
    if not path.exists():
        raise AuditError(f"no key at {path}: name the log's public key with --public-key")
    return (read_signer(path).verifier,)


def key_path(settings: Settings) -> Path:
    """The file of the signing key, there or not."""
    chosen = settings.checkpoint_key
    return Path(chosen).expanduser() if chosen else settings.data_path / FILE_NAME


def find_copy(settings: Settings) -> Path | None:
    """The file of checkpoints outside the database; None if none is set and none is there.

    Raises:
        AuditError: the one that is set is not there.
    """
    chosen = settings.checkpoints
    if chosen and not chosen.startswith("exec:") and "://" not in chosen:
        path = Path(chosen).expanduser()
        if not path.exists():
            raise AuditError(f"--checkpoints: there is no file {path}")
        return path
    kept = settings.data_path / CHECKPOINTS
    return kept if kept.exists() else None


def notes_in(path: Path | None) -> Iterator[str] | None:
    """The notes that are in a file of checkpoints now, read as they are needed.

    What is added from now on is left out: a database that is read later has all the others.
    """
    return None if path is None else split_notes(_lines_in(path, path.stat().st_size))


def _lines_in(path: Path, end: int) -> Iterator[str]:
    with path.open("rb") as file:
        while file.tell() < end:
            yield file.readline(end - file.tell()).decode("utf-8", "replace")


@contextmanager
def unusable_errors() -> Iterator[None]:
    """What prevents a check ends the command with one line and exit status 2."""
    try:
        yield
    except (StartError, AuditError) as error:
        problem: click.ClickException = click.ClickException(str(error))
        _end(problem)
    except click.ClickException as error:
        _end(error)
    except OSError as error:
        _end(click.ClickException(f"cannot read {words_of(error)}"))


def _end(problem: click.ClickException) -> Any:
    problem.show()
    raise SystemExit(UNUSABLE)
