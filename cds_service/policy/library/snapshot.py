"""Snapshots: a library as one value, kept by digest so that an old answer can be given again."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from cds_service.fhir.resource import canonical, decode
from cds_service.policy.library.artifacts import Library

_NO_NAME = re.compile(r"[/\0]")
_LONGEST_NAME = 200  # bytes, of the 255 that a file system takes


def pack(library: Library) -> bytes:
    """Every artifact of a library, sorted by type and id, as JSON: the same for the same artifacts.

    Where their files were does not matter.
    """
    artifacts = [library.by_key[key].resource for key in sorted(library.by_key)]
    return canonical(artifacts)


def digest(library: Library) -> str:
    """`sha256:` and the digest of all artifacts in hexadecimal; it changes if any of them does.

    Without one large text of them all: a library may have ten thousand policies.
    """
    hashed = sha256(b"[")
    for piece in _pieces(library):
        hashed.update(piece)
    hashed.update(b"]")
    return f"sha256:{hashed.hexdigest()}"


def _pieces(library: Library) -> Iterator[bytes]:
    """The bytes that `pack` writes between its brackets."""
    for number, key in enumerate(sorted(library.by_key)):
        yield (b"," if number else b"") + canonical(library.by_key[key].resource)


def is_of(packed: bytes, name: str) -> bool:
    """Whether a snapshot is of the library with this digest, whoever has kept it since."""
    return f"sha256:{sha256(packed).hexdigest()}" == name


def unpack(packed: bytes, directory: Path) -> None:
    """Write the artifacts of a snapshot to a directory, which `read_library` can read then.

    An id that leads out of it leads nowhere; `read_library` refuses the file by its name.
    """
    for resource in decode(packed):
        name = _NO_NAME.sub("_", f"{resource['resourceType']}-{resource['id']}")[:_LONGEST_NAME]
        (directory / f"{name}.json").write_bytes(canonical(resource))
