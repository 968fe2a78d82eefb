"""The note of a purge: which records went, signed, so that the database's owner cannot make it up.

It is a C2SP signed note as checkpoints are, and can never pass for one: its second line is no size.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from cds_service.audit.signed_note import Signer, Verifier, encode_base64, verify_note
from cds_service.errors import TamperError
from cds_service.fhir.resource import JsonObject

_WORD = "purged"


def purge_of(identities: Sequence[str], signer: Signer) -> JsonObject:
    """What a record of a change holds of a purge: the ids, and the note that vouches for them."""
    return {
        "purged": list(identities),
        "signed": signer.sign(f"{signer.name}\n{_about(identities)}"),
    }


def purged_in(content: JsonObject, verifiers: Iterable[Verifier]) -> Sequence[str]:
    """The ids of records that a record of a change shows to be purged; none if nobody signed it."""
    named = content.get("purged")
    if not isinstance(named, list) or not all(isinstance(key, str) for key in named):
        return ()
    try:
        signed = verify_note(str(content.get("signed", "")), verifiers)
    except TamperError:
        return ()
    return named if signed.partition("\n")[2] == _about(named) else ()


def _about(identities: Sequence[str]) -> str:
    digest = sha256("\n".join(sorted(identities)).encode()).digest()
    return f"{_WORD}\n{encode_base64(digest)}\n"
