"""The checkpoints in the database beside those in a copy outside it, in the order of size."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from operator import attrgetter

from cds_service.audit.checkpoint import Checkpoint, verify_checkpoint
from cds_service.audit.log_pages import CheckpointRow
from cds_service.audit.merkle import Edge, parse_edge
from cds_service.audit.signed_note import Verifier
from cds_service.audit.tree_check import Finding
from cds_service.errors import TamperError


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A size at which the tree must have a root; `edge` is what is stored with it, if it is."""

    size: int
    root: bytes
    edge: Edge | None = None


@dataclass(slots=True, kw_only=True)
class CheckpointCheck:
    """Checks signatures, compares both lists, and gives the milestones in the order of size.

    `copied` are the notes of the copy in its order, None if there is no copy. The counts and the
    findings grow as milestones are taken.
    """

    verifiers: Sequence[Verifier]
    stored: Iterable[CheckpointRow]
    copied: Iterable[str] | None
    findings: list[Finding] = field(default_factory=list)
    in_database: int = 0
    in_copy: int = 0
    uncopied: int = 0
    last_stored: int = 0
    origin: str = ""
    _largest_copied: int = 0
    _published: int = 0  # the largest that has left the database

    def milestones(self) -> Iterator[Milestone]:
        """The signed roots of both lists; where they differ that of the copy."""
        by_size = attrgetter("size")
        both: Iterator[CheckpointRow | Checkpoint] = merge(
            self.stored, self._read_copy(), key=by_size
        )
        for size, found in groupby(both, key=by_size):
            stored, copied = None, None
            for checkpoint in found:
                if isinstance(checkpoint, CheckpointRow):
                    stored = self._check_row(checkpoint)
                else:
                    copied = checkpoint
            yield self._compare(size, stored, copied)
        if self.copied is not None and self._published and not self.in_copy:
            self._add(
                f"checkpoints up to size {self._published} were published, and the copy has none"
            )

    def _read_copy(self) -> Iterator[Checkpoint]:
        """The checkpoints of the copy that can be read, each larger than the one before."""
        for number, note in enumerate(self.copied or (), start=1):
            try:
                checkpoint = verify_checkpoint(note, self.verifiers)
            except TamperError as error:
                self._add(f"the copy's checkpoint {number} was altered: {error}")
                continue
            if checkpoint.size < self._largest_copied:
                self._add(f"the copy's checkpoint {number} is smaller than the one before")
            elif checkpoint.size > self._largest_copied:
                self.in_copy += 1
                self._largest_copied = checkpoint.size
                self._check_origin(checkpoint)
                yield checkpoint

    def _check_row(self, row: CheckpointRow) -> Milestone:
        self.in_database += 1
        self.last_stored = row.size
        self._published = row.size if row.is_published else self._published
        root, edge = row.root, None
        try:
            checkpoint = verify_checkpoint(row.note, self.verifiers)
            self._check_origin(checkpoint)
            root = checkpoint.root
            if (checkpoint.size, root) != (row.size, row.root):
                raise TamperError("its note is of another tree")
            edge = parse_edge(row.size, row.edge)
            if edge.root != root:
                raise TamperError("its right edge is of another tree")
        except TamperError as error:
            self._add(f"the checkpoint of size {row.size} was altered: {error}")
        return Milestone(size=row.size, root=root, edge=edge)

    def _compare(self, size: int, stored: Milestone | None, copied: Checkpoint | None) -> Milestone:
        if copied is None:
            self._check_uncopied(size)
            return stored or Milestone(size=size, root=b"")
        if stored is None:
            self._add(f"the checkpoint of size {size} is in the copy and not in the database")
        elif stored.root == copied.root:
            return stored
        else:
            self._add(f"the checkpoint of size {size} has another root in the copy")
        return Milestone(size=size, root=copied.root)

    def _check_uncopied(self, size: int) -> None:
        """A checkpoint that the copy has not yet is no finding; one amid those it has is."""
        self.uncopied += 1
        if self.copied is not None and size < self._largest_copied:
            self._add(f"the checkpoint of size {size} was removed from the copy")

    def _check_origin(self, checkpoint: Checkpoint) -> None:
        self.origin = self.origin or checkpoint.origin
        if checkpoint.origin != self.origin:
            self._add(f"the checkpoint of size {checkpoint.size} is of the log {checkpoint.origin}")

    def _add(self, fault: str) -> None:
        self.findings.append(Finding(fault=fault))
