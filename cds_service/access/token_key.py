"""The key that signs our access tokens: ES384, in a PEM file, the same on all hosts."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from cds_service.errors import SettingError
from cds_service.settings.key_file import open_key_file, read_key_file

ALGORITHM = "ES384"
FILE_NAME = "token-key.pem"  # in the data directory, where no other is set
_SETTING = "token_key"
_ID_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A private key, and an id made of its public half."""

    kid: str
    key: EllipticCurvePrivateKey = field(repr=False)


def open_token_key(set_file: str, data_directory: Path) -> TokenKey:
    """The key in the file that is set or, where none is, in the data directory; made there at need.

    Raises:
        SettingError: the file cannot be read or made, or holds no such key.
    """
    if set_file:
        path = Path(set_file).expanduser()
        return _parse(path, read_key_file(_SETTING, path))
    path = data_directory / FILE_NAME
    return _parse(path, open_key_file(_SETTING, path, _make))


def _make() -> bytes:
    key = generate_private_key(SECP384R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _parse(path: Path, content: bytes) -> TokenKey:
    try:
        key = load_pem_private_key(content, password=None)
    except (TypeError, ValueError) as error:  # encrypted, or no PEM
        raise SettingError(_SETTING, f"{path}: no private key in PEM without a password") from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP384R1):
        raise SettingError(
            _SETTING,
            f"{path}: not a key for ES384; make one with "
            "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384`",
        )
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return TokenKey(kid=sha256(public).hexdigest()[:_ID_LENGTH], key=key)
