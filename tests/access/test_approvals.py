"""Approvals: whose signature counts for which set and instant, and whose does not."""

import base64
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from live_sets import operator

from cds_service.access.approval_keys import (
    make_approval_key,
    parse_approval_key,
    read_approval_key,
)
from cds_service.access.approvals import Approval, check_approval, find_approvers, sign_approval
from cds_service.access.clients_file import parse_clients
from cds_service.errors import AuditError

ADA, BOB = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
OPERATORS = (operator("ada", ADA), operator("bob", BOB), operator("cleo"))
DIGEST = "sha256:" + "a" * 64
START = datetime(2026, 12, 1, 6, tzinfo=UTC)


def by_ada(starts: datetime | None = None) -> Approval:
    """Ada's approval."""
    return sign_approval(ADA, digest=DIGEST, approver="ada", starts=starts)


def by_bob(starts: datetime | None = None) -> Approval:
    """Bob's approval."""
    return sign_approval(BOB, digest=DIGEST, approver="bob", starts=starts)


def test_each_operator_counts_once() -> None:
    """However often they have signed."""
    approvals = [by_ada(), by_ada(START), by_bob(), by_bob()]

    assert find_approvers(approvals, OPERATORS, DIGEST, START) == ("ada", "bob")


def test_an_approval_of_an_instant_counts_for_no_other() -> None:
    """Nor for a set that goes live without one; one without an instant counts for all."""
    approvals = [by_ada(START), by_bob()]

    assert find_approvers(approvals, OPERATORS, DIGEST, START) == ("ada", "bob")
    assert find_approvers(approvals, OPERATORS, DIGEST, START + timedelta(1)) == ("bob",)
    assert find_approvers(approvals, OPERATORS, DIGEST, None) == ("bob",)


@pytest.mark.parametrize(
    "forged",
    [
        replace(by_ada(), approver="bob"),
        replace(by_ada(), approver="cleo"),
        replace(by_ada(), approver="nobody"),
        replace(by_ada(), digest="sha256:" + "b" * 64),
        replace(by_ada(START), starts=None),
        replace(by_ada(), starts=START),
        replace(by_ada(), signature=base64.b64encode(bytes(64)).decode()),
        replace(by_ada(), signature="no base64"),
        replace(by_ada(), signature=""),
    ],
    ids=["bob's", "keyless", "nobody's", "digest", "widened", "narrowed", "zeros", "text", "none"],
)
def test_what_no_operator_signed_counts_for_nobody(forged: Approval) -> None:
    """Whoever owns the database can write it there all the same."""
    assert find_approvers([forged], OPERATORS, forged.digest, START) == ()


def test_an_operator_who_is_registered_no_more_counts_no_more() -> None:
    """Nor one who was given another key."""
    others = (operator("ada", BOB), OPERATORS[2])

    assert find_approvers([by_ada(), by_bob()], others, DIGEST, START) == ()


def test_who_cannot_approve_reads_why() -> None:
    """Before a signature is kept that would not count."""
    check_approval(by_ada(), OPERATORS)
    for name, why in (("zoe", "no operator is called zoe"), ("cleo", "has no approval_key")):
        with pytest.raises(AuditError, match=why):
            check_approval(replace(by_ada(), approver=name), OPERATORS)
    with pytest.raises(AuditError, match="not the approval_key of operator bob"):
        check_approval(replace(by_ada(), approver="bob"), OPERATORS)


def test_a_new_key_is_its_owners_alone_and_signs_what_its_public_half_verifies(
    tmp_path: Path,
) -> None:
    """As the clients file has it; no file is ever replaced."""
    file = tmp_path / "ada.key"
    public = make_approval_key(file)
    found = replace(operator("ada"), approval_key=parse_approval_key(public))
    approval = sign_approval(read_approval_key(file), digest=DIGEST, approver="ada", starts=None)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert find_approvers([approval], [found], DIGEST, START) == ("ada",)
    with pytest.raises(AuditError, match="File exists"):
        make_approval_key(file)


def test_a_private_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    """Nor a file that holds none; neither message shows what is in it."""
    file = tmp_path / "ada.key"
    make_approval_key(file)
    file.chmod(0o644)
    with pytest.raises(AuditError, match="chmod 600"):
        read_approval_key(file)
    file.write_text("canary")
    file.chmod(0o600)
    with pytest.raises(AuditError, match="no Ed25519 key") as caught:
        read_approval_key(file)

    assert "canary" not in str(caught.value)


def test_the_clients_file_refuses_keys_that_are_none_or_that_two_have() -> None:
    """With one key for two names, one person could approve for both."""
    key = f"ed25519:{base64.b64encode(OPERATORS[0].approval_key).decode()}"
    token = "0" * 64
    tables = {
        "ada": {"token_sha256": token, "approval_key": key},
        "bob": {"token_sha256": token, "approval_key": key},
        "cleo": {"token_sha256": token, "approval_key": "ed25519:AAAA"},
    }
    with pytest.raises(ValueError, match="operators") as caught:
        parse_clients({"operators": tables})

    assert "operators.bob.approval_key is also that of `ada`" in str(caught.value)
    assert "operators.cleo.approval_key is no public key such as" in str(caught.value)
    (ada,) = parse_clients({"operators": {"ada": tables["ada"]}}).operators
    assert ada.approval_key == OPERATORS[0].approval_key
