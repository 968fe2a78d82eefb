"""Signed notes, as C2SP signed-note has them: text that Ed25519 keys with names have signed."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cds_service.errors import TamperError

_ED25519 = b"\x01"  # the signature type
_KEY_BYTES, _ID_BYTES = 32, 4
_MOST_SIGNATURES = 100  # a verifier accepts at least 16, and sets a limit
SIGNATURE_DASH = "— "


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """A public key and its name; as text `name+hash+key`."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise ValueError(f"`{self.name}` is not the name of a key: it has blanks, `+`, or none")

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature."""
        named = self.name.encode() + b"\n" + _ED25519 + self.public
        return sha256(named).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(_ED25519 + self.public)}"

    def is_signed(self, text: str, signature: bytes) -> bool:
        """Whether this key made the signature of that text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A private key and its name."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(name=self.name, public=self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note of a text that ends with a newline.

        Raises:
            ValueError: the text cannot stand in a note.
        """
        _check_text(text)
        signature = self.verifier.key_id + self.private.sign(text.encode())
        return f"{text}\n{SIGNATURE_DASH}{self.name} {encode_base64(signature)}\n"


def parse_verifier(text: str) -> Verifier:
    """A public key written `name+hash+key`.

    Raises:
        ValueError: it is not, or the hash is another key's.
    """
    # The key may hold `+` itself; a name and a hash cannot.
    name, _, rest = text.strip().partition("+")
    hash_text, _, key_text = rest.partition("+")
    key = decode_base64(key_text)
    if key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
        raise ValueError("a public key is written `name+hash+key`, for Ed25519")
    verifier = Verifier(name=name, public=key[1:])
    if verifier.key_id.hex() != hash_text.lower():
        raise ValueError(f"the hash in the public key of `{name}` is not that key's")
    return verifier


def verify_note(note: str, verifiers: Iterable[Verifier]) -> str:
    """The text of a note, once a known key has signed it; unknown signatures are ignored.

    Raises:
        TamperError: it is no note, no known key signed it, or one of them did not sign this text.
    """
    text, signatures = _split(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    trusted = 0
    for name, signature in signatures:
        verifier = known.get((name, signature[:_ID_BYTES]))
        if verifier is None:
            continue
        if not verifier.is_signed(text, signature[_ID_BYTES:]):
            raise TamperError(f"the signature by {name} is not of this text")
        trusted += 1
    if not trusted:
        signers = ", ".join(sorted({name for name, _ in signatures}))
        raise TamperError(f"no known key signed it (signed by {signers})")
    return text


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, separator, signed = note.rpartition("\n\n")
    if not separator or not signed.endswith("\n"):
        raise TamperError("it is not a signed note")
    try:
        _check_text(text + "\n")
        lines = signed.removesuffix("\n").split("\n")
        return text + "\n", [_parse_signature(line) for line in lines]
    except ValueError as error:
        raise TamperError(f"it is not a signed note: {error}") from error


def _parse_signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(SIGNATURE_DASH).partition(" ")
    signature = decode_base64(encoded)
    if not line.startswith(SIGNATURE_DASH) or not is_key_name(name) or len(signature) <= _ID_BYTES:
        raise ValueError("a line is no signature")
    return name, signature


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise ValueError("the text of a note ends with a newline")
    if any(character < " " and character != "\n" for character in text):
        raise ValueError("the text of a note has no control characters")


def is_key_name(name: str) -> bool:
    """Whether a key may be called so: no blanks and no `+`."""
    return bool(name) and "+" not in name and not any(map(str.isspace, name))


def encode_base64(octets: bytes) -> str:
    """Standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(octets).decode()


def decode_base64(text: str) -> bytes:
    """The bytes in standard base64.

    Raises:
        ValueError: it is not.
    """
    try:
        octets = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"not base64: {error}") from error
    if encode_base64(octets) != text:  # with spare bits set: a second spelling of the same bytes
        raise ValueError("not base64 as it is written")
    return octets
