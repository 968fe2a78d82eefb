"""Reloads: how a set of policies gets from its files into service, while calls are answered."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from functools import partial

from cds_service.access.clients import Clients
from cds_service.app.clock import utc_now
from cds_service.app.doorway import check_hosted
from cds_service.app.garbage import set_aside
from cds_service.app.memory import Memory
from cds_service.app.orders import Orders, orders_of_nobody
from cds_service.app.revision import Revision, read_revision
from cds_service.app.service import assemble_service
from cds_service.audit.identity import new_id
from cds_service.ehr.client import Ehr
from cds_service.errors import NotRecorded, NotThereYet, Stopping
from cds_service.live.attempt import Attempt, Ending, Standing
from cds_service.live.candidate import PolicySet
from cds_service.live.current import Current
from cds_service.live.following import Follower, Hands
from cds_service.live.host_clock import HostClock, clock_of
from cds_service.live.permits import check_permit
from cds_service.live.proving import check_fit
from cds_service.live.reading import Fingerprint, LibraryDirectories
from cds_service.live.reloading import Reloader
from cds_service.live.serving import this_instance
from cds_service.live.stage import Stage, Steps
from cds_service.live.watching import Watcher
from cds_service.pipeline import Pipeline
from cds_service.policy.library.snapshot import pack
from cds_service.settings import Settings
from cds_service.web.admin import Fault, Reloaded

_LONGEST = 120.0  # seconds that an operator waits for a set to be proved
# What keeps a set out of service, as FHIR names kinds of issues.
_ISSUE_CODES: Mapping[Ending, str] = {Ending.POSTPONED: "transient", Ending.DECLINED: "conflict"}


def _nothing(*_about: str) -> None:
    """There is nobody to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Siblings:
    """The other processes of this service: they serve what this one does.

    `read_again` has them read the directories again too; `has_read` is called when that has been
    done here, by whomever it was asked; `serving` is told the digest of each set that goes in
    service here, so that a process to come begins with it.
    """

    read_again: Callable[[], None] = _nothing
    has_read: Callable[[], None] = _nothing
    serving: Callable[[str], None] = _nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """What sets of policies are read from and made ready with.

    `known` are the files before the set in service was read; `warm_up` calls each hook once;
    `orders` are what the store demanded at the start.
    """

    settings: Settings
    memory: Memory
    ehr: Ehr | None
    directories: LibraryDirectories
    known: Fingerprint
    warm_up: Callable[[Iterable[Pipeline]], None]
    orders: Orders = field(default_factory=orders_of_nobody)
    siblings: Siblings = field(default_factory=Siblings)


@dataclass(frozen=True, slots=True)
class Reloads:
    """Reads the directories again: for an operator, a signal, or a change."""

    reloader: Reloader[Revision]
    current: Current[Revision]
    directories: LibraryDirectories
    watcher: Watcher | None
    follower: Follower
    siblings: Siblings

    @property
    def cause(self) -> str:
        """Why the set in service is not the one that was asked for; empty if it is."""
        return self.reloader.standing().cause or self.follower.problem

    def start(self) -> None:
        """Put in service what is asked for, and what changes, from now on."""
        self.reloader.start()
        self.follower.start()
        if self.watcher:
            self.watcher.start()

    def close(self) -> None:
        """What is in service stays."""
        if self.watcher:
            self.watcher.close()
        self.follower.close()
        self.reloader.close()

    def reload(self) -> Reloaded:
        """Have the directories read again, by the siblings too, and wait for what comes of it here.

        Raises:
            Stopping: the service stops before, or it takes too long.
        """
        self.siblings.read_again()
        try:
            attempt = self._read_again().result(_LONGEST)
        except CancelledError as error:
            raise Stopping("the service stops; what is in service stays until then") from error
        except TimeoutError as error:
            raise Stopping("the policies are still being proved: look at /readyz") from error
        revision = self.current()
        return Reloaded(
            revision=revision.digest,
            since=revision.since,
            policies=len(revision.service.index.policies),
            changed=attempt.ending is Ending.CHANGED,
            faults=tuple(
                Fault(file=problem.file, where=problem.where, words=problem.words)
                for problem in attempt.problems
            ),
            issue_code=_ISSUE_CODES.get(attempt.ending, "invalid"),
        )

    def ask(self) -> None:
        """Have the directories read again, without waiting for it; a signal handler may."""
        self._read_again()

    def _read_again(self) -> Future[Attempt]:
        asked = self.reloader.request(self.directories.candidate())
        asked.add_done_callback(lambda _ended: self.siblings.has_read())
        return asked


def open_reloads(
    workplace: Workplace,
    current: Current[Revision],
    everyone: Clients,
    note: Callable[[Attempt, Standing], None],
) -> Reloads:
    """What puts sets in service in `current`; `note` is called after each attempt.

    `everyone` are the clients registered: a set that drops a payer of one of them is refused.
    """
    orders = workplace.orders
    present = Standing(digest=current().digest, since=current().since, source=orders.source)

    def swap(revision: Revision) -> None:
        current.swap(revision.beginning(orders.clock()))
        workplace.siblings.serving(revision.digest)

    steps = Steps(
        permit=partial(check_permit, workplace.memory.log.engine, orders.permits),
        prove=lambda policies: _prove(workplace, policies, current(), everyone),
        keep=lambda revision: _keep(workplace, revision),
        swap=swap,
        shorten=workplace.directories.shorten,
    )
    reloader = Reloader(Stage(present, steps, orders.clock), note)
    directories = workplace.directories

    def changed() -> None:
        reloader.request(directories.candidate())

    watch = workplace.settings.watch
    watcher = Watcher(directories, changed, workplace.known) if watch else None
    follower = _follower(workplace, reloader)
    return Reloads(reloader, current, directories, watcher, follower, workplace.siblings)


def _follower(workplace: Workplace, reloader: Reloader[Revision]) -> Follower:
    """What looks in the store which set is to be served."""
    orders = workplace.orders
    hands = Hands(
        engine=workplace.memory.log.engine,
        instance=this_instance(new_id()),
        permits=orders.permits,
        clock=orders.clock,
        request=reloader.request,
        standing=reloader.standing,
        directories=workplace.directories.read,
    )
    return Follower(hands, orders.number)


def host_clock(workplace: Workplace | None) -> HostClock:
    """This host's clock, held against that of the store, where one is followed."""
    if workplace is None:
        return HostClock(None)
    return clock_of(workplace.memory.log.engine, workplace.orders.clock)


def _prove(
    workplace: Workplace, policies: PolicySet, present: Revision, everyone: Clients
) -> Revision:
    """The set compiled, found fit, and called once; raises StartError or SetRefused."""
    memory = workplace.memory
    with set_aside():
        service = assemble_service(
            policies.library,
            workplace.settings,
            ehr=workplace.ehr,
            log=memory.answers,
            audit_key=memory.audit_key,
        )
        check_hosted(everyone, service.index)
        check_fit(policies, service.index, may_be_silent=not present.service.index.policies)
        revision = read_revision(service, utc_now())
        workplace.warm_up(service.pipelines.values())
    return revision


def _keep(workplace: Workplace, revision: Revision) -> None:
    """Keep the set in the store, so that what it answers can be given again."""
    try:
        pack_it = partial(pack, revision.service.library)
        workplace.memory.log.save_library(revision.digest, pack_it)
    except NotRecorded as error:
        raise NotThereYet(str(error)) from error
