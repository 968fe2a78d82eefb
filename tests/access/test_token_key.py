"""The key of our access tokens: made once, for its owner's eyes, or the operator's own."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from cds_service.access.token_key import open_token_key
from cds_service.errors import SettingError


def pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    encryption: KeySerializationEncryption = NoEncryption(),  # noqa: B008
) -> bytes:
    """A private key as a file has it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """In a directory that is made too; the next start finds the same key."""
    made = open_token_key("", tmp_path / "data")
    again = open_token_key("", tmp_path / "data")

    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert made.kid == again.kid


def test_workers_that_start_together_have_one_key(tmp_path: Path) -> None:
    """Of several that make one, the first counts."""
    with ThreadPoolExecutor(8) as workers:
        keys = list(workers.map(lambda _: open_token_key("", tmp_path).kid, range(16)))

    assert len(set(keys)) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_hosts_share_the_key_in_a_file_that_is_set(tmp_path: Path) -> None:
    """Nothing is made in the data directory then."""
    file = tmp_path / "shared.pem"
    file.write_bytes(pem(ec.generate_private_key(ec.SECP384R1())))
    file.chmod(0o600)

    assert open_token_key(str(file), tmp_path / "a").kid == (
        open_token_key(str(file), tmp_path / "b").kid
    )
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        (b"", "no private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "not a key for ES384"),
        (pem(rsa.generate_private_key(65537, 2048)), "not a key for ES384"),
        (
            pem(ec.generate_private_key(ec.SECP384R1()), BestAvailableEncryption(b"secret")),
            "no private key in PEM without a password",
        ),
    ],
)
def test_a_file_without_such_a_key_stops_the_start(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    """The error names the setting and the file, and nothing that is in it."""
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)

    with pytest.raises(SettingError) as caught:
        open_token_key(str(file), tmp_path)

    assert str(caught.value).startswith("setting --token-key (CRD_TOKEN_KEY): ")
    assert str(file) in str(caught.value)
    assert problem in str(caught.value)


def test_a_key_that_others_can_read_stops_the_start(tmp_path: Path) -> None:
    """Whoever reads it can give out tokens."""
    file = tmp_path / "key.pem"
    file.write_bytes(pem(ec.generate_private_key(ec.SECP384R1())))
    file.chmod(0o640)

    with pytest.raises(SettingError, match="readable by others"):
        open_token_key(str(file), tmp_path)


def test_a_data_directory_that_cannot_be_made_stops_the_start(tmp_path: Path) -> None:
    """In a line that names it."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(SettingError, match="cannot make"):
        open_token_key("", tmp_path / "file" / "data")
