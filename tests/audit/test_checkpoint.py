"""Checkpoints are C2SP's."""

import pytest
from signed_logs import signer_called

from cds_service.audit.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    read_checkpoint,
    split_notes,
    verify_checkpoint,
)
from cds_service.errors import TamperError

# The example in the specification, less its signature.
PUBLISHED = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
SIGNER = signer_called("log.example/one")


@pytest.mark.parametrize("text", [PUBLISHED, f"{PUBLISHED}an extension\nanother\n"])
def test_a_checkpoint_is_written_as_it_is_read(text: str) -> None:
    """With the extension lines that others may add."""
    checkpoint = parse_checkpoint(text)

    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.size == 20852163
    assert str(checkpoint) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n",
        "origin\n5\n",
        PUBLISHED.replace("20852163", "020852163"),
        PUBLISHED.replace("20852163", "-1"),
        PUBLISHED.replace("20852163", "٣"),
        PUBLISHED.replace("CsUY", "!sUY"),
        PUBLISHED.replace("CsUY", ""),
        PUBLISHED.removeprefix("example.com/behind-the-sofa"),
        f"{PUBLISHED}\nextension\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    """Lines that are missing or empty, sizes and roots that are none."""
    with pytest.raises(TamperError, match="it is not a checkpoint"):
        parse_checkpoint(text)


def test_a_signed_checkpoint_is_verified() -> None:
    """By the key that signed it."""
    note = SIGNER.sign(PUBLISHED)

    assert verify_checkpoint(note, [SIGNER.verifier]) == parse_checkpoint(PUBLISHED)
    assert read_checkpoint(note) == parse_checkpoint(PUBLISHED)


@pytest.mark.parametrize("between", ["", "\n"])
def test_notes_in_a_row_are_taken_apart(between: str) -> None:
    """A last one that a crash cut short is left out, wherever it was cut."""
    checkpoints = [Checkpoint(origin="log", size=size, root=bytes(32)) for size in (1, 2)]
    notes = [SIGNER.sign(str(checkpoint)) for checkpoint in checkpoints]
    joined = between.join(notes)

    assert notes_in(joined) == notes
    for length in range(len(notes[0]), len(joined)):
        assert notes_in(joined[:length]) == notes[:1]


def notes_in(text: str) -> list[str]:
    """The notes in a file of this content."""
    return list(split_notes(text.splitlines(keepends=True)))
