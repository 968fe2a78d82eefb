"""Approvals: operators sign the digest of a set of policies, and each process counts for itself.

So whoever owns the database can write there what they like, and yet put nothing in service that
fewer people have approved than the setting `approvals` asks for.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cds_service.access.clients import Operator
from cds_service.errors import AuditError

# What no other signature of ours, and none of another program, begins with.
_DOMAIN = "coverage-policies.invalid/approval/v1"
_ANY = "any"  # instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """The signature of an operator under a digest; for one instant if `starts` names it."""

    digest: str
    approver: str
    starts: datetime | None
    signature: str


def sign_approval(
    key: Ed25519PrivateKey, *, digest: str, approver: str, starts: datetime | None
) -> Approval:
    """The approval of a set by an operator, signed with their key."""
    signature = key.sign(_text(digest, approver, starts))
    return Approval(
        digest=digest,
        approver=approver,
        starts=starts,
        signature=base64.b64encode(signature).decode(),
    )


def find_approvers(
    approvals: Iterable[Approval],
    operators: Iterable[Operator],
    digest: str,
    starts: datetime | None,
) -> tuple[str, ...]:
    """The operators whose approval counts for this set going live at this instant, by name.

    `starts` is None for a set that no activation names: only approvals without an instant count.
    Each operator counts once, by a signature that their registered key made: not one who is
    registered no more, and not one who approved another instant.
    """
    keys = {operator.name: operator.approval_key for operator in operators}
    return tuple(
        sorted(
            {
                approval.approver
                for approval in approvals
                if approval.digest == digest
                and approval.starts in (None, starts)
                and _is_signed(approval, keys)
            }
        )
    )


def check_approval(approval: Approval, operators: Iterable[Operator]) -> None:
    """Pass an approval that will count.

    Raises:
        AuditError: it will not; the message says why.
    """
    keys = {operator.name: operator.approval_key for operator in operators}
    name = approval.approver
    if name not in keys:
        raise AuditError(f"no operator is called {name} in the clients file (--clients)")
    if not keys[name]:
        raise AuditError(
            f"operator {name} has no approval_key in the clients file; "
            "make one with `crd policy keys new`"
        )
    if not _is_signed(approval, keys):
        raise AuditError(f"the key in this file is not the approval_key of operator {name}")


def _text(digest: str, approver: str, starts: datetime | None) -> bytes:
    """What is signed: for what, by whom, and from when; a line each."""
    instant = starts.astimezone(UTC).isoformat() if starts else _ANY
    return "\n".join([_DOMAIN, digest, approver, instant, ""]).encode()


def _is_signed(approval: Approval, keys: Mapping[str, bytes]) -> bool:
    public = keys.get(approval.approver)
    if not public:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(
            base64.b64decode(approval.signature, validate=True),
            _text(approval.digest, approval.approver, approval.starts),
        )
    except (InvalidSignature, ValueError):
        return False
    return True
