"""Read models: what pages and the FHIR API show of one set of policies, each made at first use.

A start does not wait for them, and neither does a call: whoever looks first does. Nobody else waits
while they are made, or those who look would take the threads that probes are answered by.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from threading import Lock
from typing import Generic, TypeVar

from cds_service.app.service import Service
from cds_service.errors import BeingMade
from cds_service.pages.coverage.listing import CoverageList, list_coverage
from cds_service.pages.routes import PolicyPages, read_pages
from cds_service.rest.library import RestLibrary, read_rest
from cds_service.rest.operations.library import OperationsLibrary

_Made = TypeVar("_Made")


class Lazily(Generic[_Made]):
    """A value that is made when it is first asked for, once, and under a lock that others share."""

    def __init__(self, make: Callable[[], _Made], lock: Lock) -> None:
        self._make, self._lock = make, lock
        self._made: list[_Made] = []  # the value, once it is there

    def __call__(self) -> _Made:
        """The value.

        Raises:
            BeingMade: another makes it, or what shares its lock, just now.
        """
        if not self._made:
            if not self._lock.acquire(blocking=False):
                raise BeingMade("what is shown of the policies is just being made: ask again")
            try:
                if not self._made:
                    self._made.append(self._make())
            finally:
                self._lock.release()
        return self._made[0]


class ReadModels:
    """What is shown of the policies of a service that are in service `since`.

    All are made under the same `lock`: two at once would take twice the memory at once.
    """

    def __init__(self, service: Service, since: datetime, lock: "Lock | None" = None) -> None:
        library, index, digest = service.library, service.index, service.recorder.library
        lock = lock or Lock()
        self._pages = Lazily(partial(read_pages, library, index), lock)
        listed = partial(list_coverage, library, index, name=digest, since=since)
        self._coverage_list = Lazily(listed, lock)
        self._rest = Lazily(partial(read_rest, library, digest, since), lock)
        self._operations = Lazily(partial(OperationsLibrary, library, digest), lock)

    @property
    def pages(self) -> PolicyPages:
        """The policies as people read them."""
        return self._pages()

    @property
    def coverage_list(self) -> CoverageList:
        """What the policies determine, a row a rule and code."""
        return self._coverage_list()

    @property
    def rest(self) -> RestLibrary:
        """The policies as FHIR resources, with what they are searched by."""
        return self._rest()

    @property
    def operations(self) -> OperationsLibrary:
        """The policies as FHIR operations read them."""
        return self._operations()
