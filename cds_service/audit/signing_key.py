"""The key that signs checkpoints, in a file: PEM (PKCS #8), or as notes write it."""

from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cds_service.audit.signed_note import Signer, decode_base64
from cds_service.errors import SettingError
from cds_service.settings.key_file import open_key_file, read_key_file

_NOTE_PREFIX = "PRIVATE+KEY+"  # as Go's note package writes a private key: prefix, name, hash, key
_ORIGIN = "coverage-policies.invalid/audit"  # a reserved name: the key's hash tells logs apart
_SETTING = "checkpoint_key"

FILE_NAME = "checkpoint.key"  # in the data directory, where no other file is set


def find_signer(setting: str, data: Path) -> Signer:
    """The key in the file that is set, or the one in the data directory, which is made if need be.

    Raises:
        SettingError: there is no usable key.
    """
    return read_signer(Path(setting).expanduser()) if setting else open_signer(data / FILE_NAME)


def read_signer(path: Path) -> Signer:
    """The key in a file; one in PEM is named after its own hash.

    Raises:
        SettingError: there is no usable key, or others than its owner may read it.
    """
    return _parse(path, read_key_file(_SETTING, path))


def open_signer(path: Path) -> Signer:
    """The key in a file, made if there is none; processes that start together get one and the same.

    Raises:
        SettingError: it cannot be read or made.
    """
    return _parse(path, open_key_file(_SETTING, path, _make))


def _make() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _parse(path: Path, content: bytes) -> Signer:
    try:
        text = content.decode("ascii")
        return _parse_note_key(text) if text.startswith(_NOTE_PREFIX) else _parse_pem(text)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Their messages may hold the key.
        raise SettingError(
            _SETTING, f"{path} holds no Ed25519 key in PEM (PKCS #8, no passphrase)"
        ) from error


def _parse_note_key(text: str) -> Signer:
    # The name and the hash hold no `+`, the key may.
    name, _, rest = text.strip().removeprefix(_NOTE_PREFIX).partition("+")
    hash_text, _, encoded = rest.partition("+")
    octets = decode_base64(encoded)
    if octets[:1] != b"\x01":
        raise ValueError("not Ed25519")
    signer = Signer(name=name, private=Ed25519PrivateKey.from_private_bytes(octets[1:]))
    if signer.verifier.key_id.hex() != hash_text.lower():
        raise ValueError("the hash is another key's")
    return signer


def _parse_pem(text: str) -> Signer:
    private = serialization.load_pem_private_key(text.encode(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise TypeError("not Ed25519")
    digest = sha256(private.public_key().public_bytes_raw()).hexdigest()
    return Signer(name=f"{_ORIGIN}/{digest[:16]}", private=private)
