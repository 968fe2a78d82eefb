"""Taking someone else's policies into a directory: understood, compared, checked, and written.

Nothing is written before the whole is checked: what comes in together with what is there. Where
anything is wrong, all of it is named and the directory stays as it was.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cds_service.exchange.br_payer.understanding import NotUnderstood
from cds_service.exchange.incoming.arrival import arrive
from cds_service.exchange.incoming.changes import (
    Arriving,
    Change,
    compare,
    find_conflicts,
    find_unwanted,
)
from cds_service.exchange.incoming.choosing import NOTHING_NAMED, Chosen, Naming, choose
from cds_service.exchange.incoming.delivery import Delivery, Fault, PassedOver, in_order
from cds_service.exchange.incoming.identities import Renamed, as_known
from cds_service.exchange.incoming.placing import Stage, opened_stage
from cds_service.exchange.incoming.present import Present, read_present
from cds_service.exchange.order import in_order_of_need
from cds_service.fhir.reference import read_key

# Finds what is wrong with the library that directories make, the later overlaying the earlier.
Check = Callable[[Sequence[Path]], Iterable[Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What is to be taken in, and where.

    `before` are the directories of the library that `into` overlays. `base` is the canonical base
    that ours takes the place of; empty for the one that the delivery names, if any. Where
    `replaces` is true, artifacts take the place of those here that differ.
    """

    delivery: Delivery
    into: Path
    before: Sequence[Path] = ()
    base: str = ""
    replaces: bool = False
    naming: Naming = NOTHING_NAMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of an import; where there are `faults`, nothing was written.

    `left_out` are foreign policies, by rule, and `remarks` actions that a policy goes without.
    """

    arriving: tuple[Arriving, ...]
    faults: tuple[Fault, ...]
    left_out: tuple[NotUnderstood, ...]
    remarks: tuple[NotUnderstood, ...]
    passed_over: tuple[PassedOver, ...]
    renamed: tuple[Renamed, ...]


def import_policies(request: ImportRequest, check: Check) -> Imported:
    """Take a delivery in, if the whole checks then: all of it, or nothing.

    Raises:
        ExchangeError: the base cannot be one, or the directory cannot be written to.
        ArtifactError: a library directory cannot be read.
    """
    with opened_stage(request.into) as stage:
        present = read_present(request.before, request.into)
        arrival = arrive(request.delivery, request.base)
        artifacts, renamed = as_known(arrival.resources, present)
        attempt = _Attempt(request=request, check=check, stage=stage, present=present)
        chosen, arriving, faults = attempt.run(replace(arrival, resources=artifacts))
        if not faults:
            _place(arriving, stage)
        return Imported(
            arriving=tuple(arriving),
            faults=faults,
            left_out=chosen.left_out,
            remarks=chosen.remarks,
            passed_over=(*arrival.passed_over, *chosen.passed_over),
            renamed=renamed,
        )


def _place(arriving: Iterable[Arriving], stage: Stage) -> None:
    """Move the files into place, policies after what they need."""
    files = {
        artifact.key: artifact.file for artifact in arriving if artifact.change is not Change.SAME
    }
    ordered = in_order_of_need(artifact.resource for artifact in arriving if artifact.key in files)
    if files:
        stage.place([files[key] for key in map(read_key, ordered) if key])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """One import, up to the point where its files can be moved into place."""

    request: ImportRequest
    check: Check
    stage: Stage
    present: Present

    def run(self, arrival: Delivery) -> tuple[Chosen, list[Arriving], tuple[Fault, ...]]:
        """What comes in, and what is wrong with it.

        A foreign policy that does not check once it is translated was not understood: it is left
        out too, and the others are tried again.
        """
        refused: dict[str, list[NotUnderstood]] = {}
        while True:
            chosen = choose(arrival, self.present, self.request.naming, refused)
            arriving = compare(chosen.artifacts, self.present, self.request.into)
            found = list(self._check(arriving))
            blamed = [fault for fault in found if fault.file in chosen.translated]
            if not blamed:
                faults = (*arrival.faults, *self._conflicts(chosen, arriving), *found)
                return chosen, arriving, in_order(faults)
            for fault in blamed:
                refused.setdefault(fault.file, []).append(_not_understood(fault, chosen))

    def _conflicts(self, chosen: Chosen, arriving: Sequence[Arriving]) -> Iterator[Fault]:
        yield from find_conflicts(chosen.artifacts, self.present)
        if not self.request.replaces:
            yield from find_unwanted(arriving)

    def _check(self, arriving: Sequence[Arriving]) -> Iterator[Fault]:
        """What is wrong with the whole, as it would be; where nothing comes in it is as before."""
        written = [artifact for artifact in arriving if artifact.change is not Change.SAME]
        if written:
            self.stage.write({artifact.file: artifact.body for artifact in written})
            places = {str(self.stage.files / item.file): item.place for item in written}
            for fault in self.check((*self.request.before, self.request.into, self.stage.files)):
                yield self._placed(fault, places)

    def _placed(self, fault: Fault, places: dict[str, str]) -> Fault:
        """The fault with the place in the source instead of where the file stands for a moment."""
        problem = fault.problem.replace(f"{self.stage.files}/", "")
        return Fault(places.get(fault.file, fault.file), fault.where, problem)


def _not_understood(fault: Fault, chosen: Chosen) -> NotUnderstood:
    keys = [read_key(item.resource) for item in chosen.artifacts if item.place == fault.file]
    return NotUnderstood(
        f"{keys[0]}", f"translated, it does not check: {fault.where}: {fault.problem}"
    )
