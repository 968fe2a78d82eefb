"""`crd audit verify`: the whole store against what was signed, and the first fault by name."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from cds_service.audit.copy_check import CheckpointCheck
from cds_service.audit.key_check import key_fits
from cds_service.audit.log_pages import (
    LeafRow,
    altered_libraries,
    checkpoint_rows,
    library_digests,
    mentions_without_record,
    numbered_leaves,
    numbers_beyond,
    purged_ids,
    records_without_leaf,
    waiting_leaves,
)
from cds_service.audit.numbering import last_size
from cds_service.audit.record_check import RecordCheck, check_record
from cds_service.audit.signed_note import Verifier
from cds_service.audit.tree_check import MISSING, Finding, Leaf, TreeCheck
from cds_service.errors import AuditError

Progress = Callable[[int, int], None]  # records done, of how many


@dataclass(slots=True, kw_only=True)
class Verification:
    """What was checked, and what was found, the lowest number first; nothing found: all is well.

    `waiting` are records that have no number yet; `uncopied` are checkpoints that the copy has not.
    `is_copied` is whether there was a copy to compare with, `has_key` whether the audit key was at
    hand.
    """

    records: int = 0
    purged: int = 0
    waiting: int = 0
    checkpoints: int = 0
    copied: int = 0
    uncopied: int = 0
    is_copied: bool = False
    has_key: bool = False
    findings: list[Finding] = field(default_factory=list)

    def sort(self) -> None:
        """Put the findings in the order of the log; those without a place in it come last."""
        self.findings.sort(key=lambda found: (found.number is None, found.number or 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationRequest:
    """What to verify with: public keys, the audit key if it is at hand, and the copy if there is.

    A record that is older than `lag` must have a number at `now`.
    """

    verifiers: Sequence[Verifier]
    audit_key: bytes | None
    copied: Iterable[str] | None
    now: datetime
    lag: timedelta = timedelta(minutes=1)


def verify_log(engine: Engine, request: VerificationRequest, progress: Progress) -> Verification:
    """Read everything once and compare it with what was signed.

    Raises:
        SQLAlchemyError: the database cannot be read.
    """
    result = Verification(
        is_copied=request.copied is not None, has_key=request.audit_key is not None
    )
    if request.audit_key is not None and not _key_fits(engine, request.audit_key):
        fault = "no patient or member is found by this audit key: it is another one, or all were"
        result.findings.append(Finding(fault=f"{fault} altered"))
        request = replace(request, audit_key=None)  # what else is wrong shall be seen
    waiting = [row.key for row in _check_waiting(engine, request, result)]
    _check_numbered(engine, request, result, progress)
    result.findings += _left_waiting(engine, waiting)
    result.findings += _extra_rows(engine)
    result.sort()
    return result


def _key_fits(engine: Engine, audit_key: bytes) -> bool:
    try:
        return key_fits(engine, audit_key)
    except (AuditError, ValueError):  # a payload that was altered, which is found by its leaf
        return True


def _check_numbered(
    engine: Engine, request: VerificationRequest, result: Verification, progress: Progress
) -> None:
    size = last_size(engine)
    checkpoints = CheckpointCheck(
        verifiers=request.verifiers, stored=checkpoint_rows(engine), copied=request.copied
    )
    leaves = _Leaves(engine, request, result, numbered_leaves(engine, size))
    tree = TreeCheck()
    for milestone in checkpoints.milestones():
        if milestone.size > size and milestone.edge is not None:
            break  # made while we read
        if milestone.size > size:
            fault = f"the copy has a checkpoint of size {milestone.size}, the database ends before"
            result.findings.append(Finding(number=size, fault=fault))
            continue
        while tree.size < milestone.size:
            tree.add(leaves.take(tree.size))
            if tree.size % _PROGRESS_EVERY == 0:
                progress(tree.size, size)
        result.findings += tree.check_root(milestone.root, milestone.edge)
    progress(size, size)
    result.findings += [*checkpoints.findings, *_uncovered(engine)]
    result.findings += _missing_libraries(engine, leaves.libraries)
    result.checkpoints, result.copied = checkpoints.in_database, checkpoints.in_copy
    result.uncopied = checkpoints.uncopied


_PROGRESS_EVERY = 10_000


class _Leaves:
    """The numbered leaves in order, each checked; a number that is missing has a leaf too."""

    def __init__(
        self,
        engine: Engine,
        request: VerificationRequest,
        result: Verification,
        rows: Iterator[LeafRow],
    ) -> None:
        self._engine, self._request, self._result, self._rows = engine, request, result, rows
        self._purged = purged_ids(engine, request.verifiers)
        self._next = next(rows, None)
        self.libraries: set[str] = set()  # digests of the policies that sound records name

    def take(self, number: int) -> Leaf:
        row = self._next
        if row is None or row.number != number:
            return Leaf(number=number, key="", stored=MISSING, fault="the record is missing")
        self._next = next(self._rows, None)
        check = self._check(row)
        return Leaf(
            number=number, key=row.key, stored=row.hash, computed=check.leaf, fault=check.fault
        )

    def _check(self, row: LeafRow) -> RecordCheck:
        self._result.records += 1
        if row.record is not None:
            check = check_record(row.record, row.hash, row.mentions, self._request.audit_key)
            self.libraries.add(check.library)
            return check
        if row.key not in self._purged:
            self._purged = purged_ids(
                self._engine, self._request.verifiers
            )  # it may have been purged while we read
        if row.key in self._purged:
            self._result.purged += 1
            return RecordCheck(leaf=None)
        fault = "the record is missing, and no signed record of a purge names it"
        return RecordCheck(leaf=None, fault=fault)


def _check_waiting(
    engine: Engine, request: VerificationRequest, result: Verification
) -> Iterator[LeafRow]:
    """The leaves that have waited too long for a number; each is checked like any other."""
    for row in waiting_leaves(engine):
        result.waiting += 1
        if row.record is None:
            result.findings.append(Finding(key=row.key, fault="the record is missing"))
            continue
        check = check_record(row.record, row.hash, row.mentions, request.audit_key)
        if check.fault:
            result.findings.append(Finding(key=row.key, fault=check.fault))
        if row.record["at"] < request.now - request.lag:
            yield row


def _left_waiting(engine: Engine, keys: Sequence[str]) -> list[Finding]:
    """Those of the records that have no number still."""
    if not keys:
        return []
    still = {row.key for row in waiting_leaves(engine)}
    fault = "it has no number: it was added past the service, or the sequencer does not run"
    return [Finding(key=key, fault=fault) for key in keys if key in still]


def _uncovered(engine: Engine) -> list[Finding]:
    beyond = numbers_beyond(engine)
    if beyond is None:
        return []
    number, key = beyond
    fault = "no checkpoint covers it: it is an extra record, or a checkpoint was removed"
    return [Finding(number=number, key=key, fault=fault)]


def _missing_libraries(engine: Engine, named: set[str]) -> list[Finding]:
    fault = "the policies that records were answered by are not kept under this digest"
    missing = sorted(named - library_digests(engine) - {""})
    return [Finding(fault=f"{digest}: {fault}") for digest in missing]


def _extra_rows(engine: Engine) -> list[Finding]:
    """Rows that nothing the service writes leaves behind."""
    extra = "an extra record: it has no leaf, so it was added past the service"
    orphan = "mentions of it are there, and the record is not"
    library = "the policies that are kept under this digest were altered"
    return [
        *(Finding(fault=f"{digest}: {library}") for digest in altered_libraries(engine)),
        *(Finding(key=key, fault=extra) for key in records_without_leaf(engine)),
        *(Finding(key=key, fault=orphan) for key in mentions_without_record(engine)),
    ]
