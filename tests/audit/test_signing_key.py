"""The signing key: made once, the owner's alone, and read in both forms."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cds_service.audit.signed_note import parse_verifier, verify_note
from cds_service.audit.signing_key import FILE_NAME, find_signer, open_signer, read_signer
from cds_service.errors import SettingError

# The example of Go's note package: https://pkg.go.dev/golang.org/x/mod/sumdb/note
PETER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PETER_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def secret(path: Path, text: str | bytes) -> Path:
    """A file for its owner alone."""
    path.touch(0o600)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def pem_of(key: object) -> bytes:
    """A private key in PEM."""
    return key.private_bytes(  # type: ignore[attr-defined,no-any-return]
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_a_key_is_made_where_none_is_and_kept(tmp_path: Path) -> None:
    """For its owner alone; the next start reads the same one."""
    made, again = (find_signer("", tmp_path / "data") for _ in range(2))
    path = tmp_path / "data" / FILE_NAME

    assert made.verifier == again.verifier
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    """Whoever comes second keeps the first one's."""
    path = tmp_path / "data" / FILE_NAME
    with ThreadPoolExecutor(16) as pool:
        names = {signer.name for signer in pool.map(open_signer, [path] * 64)}

    assert len(names) == 1


def test_a_key_that_is_set_is_never_made(tmp_path: Path) -> None:
    """A slip in a path must not begin another log."""
    with pytest.raises(SettingError, match=r"--checkpoint-key.*cannot read"):
        find_signer(str(tmp_path / "absent"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_key_as_notes_write_it_has_its_own_name(tmp_path: Path) -> None:
    """And signs what its public key verifies."""
    signer = read_signer(secret(tmp_path / "key", f"{PETER}\n"))

    assert str(signer.verifier) == PETER_PUBLIC
    assert verify_note(signer.sign("text\n"), [parse_verifier(PETER_PUBLIC)]) == "text\n"


def test_a_key_in_pem_is_named_after_itself(tmp_path: Path) -> None:
    """So that two logs are never mistaken for one."""
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([seed] * 32)) for seed in (1, 2)]
    files = [secret(tmp_path / str(number), pem_of(key)) for number, key in enumerate(keys)]
    first, second = map(read_signer, files)

    assert first.name.startswith("coverage-policies.invalid/audit/")
    assert first.name != second.name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"PRIVATE+KEY+",
        PETER.replace("+AYEK", "+BYEK").encode(),
        PETER.replace("c74f20a3", "c74f20a4").encode(),
        PETER[:-4].encode(),
        b"-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n",
        pem_of(generate_private_key(SECP256R1())),
    ],
)
def test_what_is_no_key_is_refused_without_a_word_of_it(tmp_path: Path, content: bytes) -> None:
    """The message names the file, never what stands in it."""
    with pytest.raises(SettingError, match="holds no Ed25519 key") as found:
        read_signer(secret(tmp_path / "key", content))
    assert "YEK" not in str(found.value)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    """The message says what to do."""
    path = secret(tmp_path / "key", PETER)
    path.chmod(0o640)

    with pytest.raises(SettingError, match="chmod 600 it"):
        read_signer(path)
