"""Signed notes are C2SP's: its own example, and what must not pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signed_logs import signer_called

from cds_service.audit.signed_note import Verifier, parse_verifier, verify_note
from cds_service.errors import TamperError

# The checksum database of Go: a key and a note that others made, so that we do not test ourselves.
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
# The example of Go's note package: https://pkg.go.dev/golang.org/x/mod/sumdb/note
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PETER_NOTE = (
    f"{PETER_TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZ"
    "SNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
PETER = parse_verifier(PETER_KEY)
TEXT = "first line\n\nlast line\n"


def test_a_note_that_others_signed_is_verified() -> None:
    """The example that the format is documented with."""
    assert verify_note(PETER_NOTE, [PETER]) == PETER_TEXT


@pytest.mark.parametrize("text", [GO_KEY, PETER_KEY, str(signer_called("here").verifier)])
def test_a_public_key_is_written_as_it_is_read(text: str) -> None:
    """Name, hash and key; a `+` in the key's base64 is no separator."""
    assert str(parse_verifier(text)) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "name.hash.key"),
        ("PeterNeumann", "name.hash.key"),
        (PETER_KEY.replace("c74f20a3", "c74f20a4"), "is not that key's"),
        (PETER_KEY.replace("Peter", "Pater"), "is not that key's"),
        (PETER_KEY.replace("+ARp", "+Ahp"), "for Ed25519"),
        (PETER_KEY[:-4], "for Ed25519"),
        (PETER_KEY[:-1] + "!", "not base64"),
        (PETER_KEY.removeprefix("PeterNeumann"), "not the name of a key"),
    ],
)
def test_a_mistyped_public_key_is_refused(text: str, problem: str) -> None:
    """Its hash catches most slips."""
    with pytest.raises(ValueError, match=problem):
        parse_verifier(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u2003b"])
def test_no_key_is_called_what_a_line_cannot_hold(name: str) -> None:
    """Blanks and `+` separate the parts of a line."""
    with pytest.raises(ValueError, match="not the name of a key"):
        Verifier(name=name, public=bytes(32))


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])))
def test_what_is_signed_is_verified(line: str) -> None:
    """Any text; a verifier that has other keys too finds the one that signed."""
    signer = signer_called("log.example/one")
    note = signer.sign(f"{line}\n")

    assert verify_note(note, [PETER, signer.verifier]) == f"{line}\n"


@given(st.integers(0, len(PETER_NOTE.encode()) * 8 - 1))
def test_no_bit_of_a_note_can_change(bit: int) -> None:
    """Of its text, or of its signature."""
    octets = bytearray(PETER_NOTE.encode())
    octets[bit // 8] ^= 1 << bit % 8

    with pytest.raises((TamperError, UnicodeDecodeError)):
        verify_note(octets.decode(), [PETER])


def test_signatures_of_unknown_keys_are_ignored() -> None:
    """Witnesses sign too; so does another key of the same name, or one with the same id."""
    signer = signer_called("here")
    note = signer.sign(TEXT) + "— witness.example AAAABBBB\n"
    note += signer_called("here", seed=8).sign(TEXT).rpartition("\n\n")[2]
    note += "— elsewhere " + note.split("— here ")[1].split("\n")[0] + "\n"

    assert verify_note(note, [signer.verifier]) == TEXT


def test_a_note_that_no_known_key_signed_is_refused() -> None:
    """Who signed it is named."""
    with pytest.raises(TamperError, match=r"no known key signed it \(signed by here\)"):
        verify_note(signer_called("here").sign(TEXT), [PETER])


def test_a_known_key_with_a_false_signature_spoils_the_note() -> None:
    """Though another known key's is good."""
    good, bad = signer_called("good"), signer_called("bad")
    note = good.sign(TEXT) + bad.sign("other\n").rpartition("\n\n")[2]

    with pytest.raises(TamperError, match="the signature by bad is not of this text"):
        verify_note(note, [good.verifier, bad.verifier])


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}\n— here\n",
        f"{TEXT}\n- here AAAABBBB\n",
        f"{TEXT}\n— here AAAABBBB",
        f"{TEXT}\n— here AAAA\n",
        f"{TEXT}\n— here !!!!\n",
        f"a\tb\n{TEXT}\n— here AAAABBBB\n",
    ],
)
def test_what_is_no_note_is_named_so(note: str) -> None:
    """Without a blank line, a signature, an em dash, a newline at its end; or with a tab."""
    with pytest.raises(TamperError, match="it is not a signed note"):
        verify_note(note, [PETER])


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n"])
def test_what_cannot_stand_in_a_note_is_not_signed(text: str) -> None:
    """A text ends with a newline and has no other control character."""
    with pytest.raises(ValueError, match="the text of a note"):
        signer_called("here").sign(text)
