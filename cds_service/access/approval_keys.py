"""The keys of approvals: Ed25519, a private one in a file of its owner, a public one registered."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cds_service.errors import AuditError
from cds_service.settings.key_file import make_private_file, read_private_file

_PREFIX = "ed25519:"
_KEY_BYTES = 32
_EXPECTED = "is no public key such as `crd policy keys new` prints: `ed25519:` and base64"


def make_approval_key(path: Path) -> str:
    """Write a new private key to a file of its owner alone; gives the public key as text.

    Raises:
        AuditError: there is a file already, or it cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        make_private_file(path, pem)
    except OSError as error:
        raise AuditError(f"cannot write {path}: {error.strerror}") from error
    return _PREFIX + base64.b64encode(key.public_key().public_bytes_raw()).decode()


def read_approval_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file.

    Raises:
        AuditError: it cannot be read, others may read it, or it is no Ed25519 key in PEM.
    """
    try:
        key = load_pem_private_key(read_private_file(path), password=None)
    except OSError as error:
        raise AuditError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        # Their messages may hold the key.
        raise AuditError(f"{path} holds no Ed25519 key in PEM (PKCS #8, no passphrase)") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditError(f"{path} holds a key of another kind; approvals are signed with Ed25519")
    return key


def parse_approval_key(text: str) -> bytes:
    """The public key in a text such as `ed25519:BASE64`.

    Raises:
        ValueError: there is none.
    """
    try:
        octets = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(_EXPECTED) from error
    if not text.startswith(_PREFIX) or len(octets) != _KEY_BYTES:
        raise ValueError(_EXPECTED)
    return octets


def approval_key_faults(written: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the public keys of operators, by name; an empty text is no key.

    Two have the same: then one person could approve for both.
    """
    owners: dict[bytes, str] = {}
    for name, text in written.items():
        if not text:
            continue
        try:
            key = parse_approval_key(text)
        except ValueError as error:
            yield name, str(error)
            continue
        if (owner := owners.setdefault(key, name)) != name:
            yield name, f"is also that of `{owner}`"
