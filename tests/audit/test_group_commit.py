"""Group commit: who waits shares a commit, learns of their own write alone, and always learns."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event, Thread, current_thread

import pytest

from cds_service.audit.group_commit import GroupCommit, Refusal
from cds_service.errors import NotRecorded

TORN = ValueError("torn")
PATIENCE = 30  # seconds, so that a test of waiting fails instead of hanging


class BrokenStore(Exception):
    """What a store raises that has a bug."""


@dataclass(slots=True)
class FakeStore:
    """Remembers its batches; waits in each until it is `free`.

    Its bugs: a write `raises` is an error that it does not answer for, and it `forgets` another.
    """

    refusals: Mapping[str, Refusal] = field(default_factory=dict)
    batches: list[list[str]] = field(default_factory=list)
    threads: set[Thread] = field(default_factory=set)
    at_work: Event = field(default_factory=Event)
    free: Event = field(default_factory=Event)
    released: int = 0

    def commit(self, batch: Sequence[str]) -> Sequence[Refusal]:
        self.batches.append(list(batch))
        self.threads.add(current_thread())
        self.at_work.set()
        self.free.wait()
        if "raises" in batch:
            raise BrokenStore
        return [self.refusals.get(write) for write in batch if write != "forgets"]

    def release(self) -> None:
        self.threads.add(current_thread())
        self.released += 1


@pytest.fixture
def store() -> FakeStore:
    """A store in which the write `torn` cannot be kept."""
    return FakeStore(refusals={"torn": TORN})


@pytest.fixture
def group(store: FakeStore) -> Iterator[GroupCommit[str]]:
    """A group commit that has begun its first batch, `first`, and waits for the store."""
    with closing(GroupCommit(commit=store.commit, release=store.release)) as opened:
        opened.submit("first")
        store.at_work.wait()
        yield opened
        store.free.set()


def test_what_waits_is_committed_together(store: FakeStore, group: GroupCommit[str]) -> None:
    """Writes that come during a commit are the next one, in the order they came."""
    for write in ("second", "third", "fourth"):
        group.submit(write)

    store.free.set()
    group.close()

    assert store.batches == [["first"], ["second", "third", "fourth"]]


def test_no_receipt_comes_before_its_commit_is_done(
    store: FakeStore, group: GroupCommit[str]
) -> None:
    """The caller waits until the store has returned from the batch that holds the write."""
    receipt = group.submit("second")
    was_empty = receipt.empty()

    store.free.set()

    assert (was_empty, receipt.get(timeout=PATIENCE)) == (True, None)


def test_each_write_is_refused_for_itself(store: FakeStore, group: GroupCommit[str]) -> None:
    """Neighbours in a batch learn their own refusal, not each other's."""
    receipts = [group.submit(write) for write in ("whole", "torn", "whole too")]

    store.free.set()

    assert [receipt.get(timeout=PATIENCE) for receipt in receipts] == [None, TORN, None]


def test_closing_waits_for_the_writes_that_wait(store: FakeStore, group: GroupCommit[str]) -> None:
    """What was submitted before closing is committed before `close` returns."""
    receipts = [group.submit(write) for write in ("second", "third")]
    closer = Thread(target=group.close)
    closer.start()

    store.free.set()
    closer.join()

    assert store.batches == [["first"], ["second", "third"]]
    assert [receipt.get_nowait() for receipt in receipts] == [None, None]


def test_closing_again_changes_nothing(store: FakeStore, group: GroupCommit[str]) -> None:
    """The store is let go of once, however many close, at once or one after another."""
    closers = [Thread(target=group.close) for _ in range(4)]
    for closer in closers:
        closer.start()
    store.free.set()
    for closer in closers:
        closer.join()

    group.close()

    assert store.released == 1


def test_a_closed_queue_takes_nothing(store: FakeStore, group: GroupCommit[str]) -> None:
    """A write after closing is refused at once: nobody would ever commit it."""
    store.free.set()
    group.close()

    with pytest.raises(NotRecorded):
        group.submit("late")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("bug", ["raises", "forgets"])
def test_a_bug_in_the_store_leaves_nobody_waiting(
    store: FakeStore, group: GroupCommit[str], bug: str
) -> None:
    """If the thread dies of a batch, all in it get a receipt, and what was not kept is refused."""
    receipts = [group.submit(write) for write in ("sound", bug)]

    store.free.set()
    group.close()

    assert [receipt.empty() for receipt in receipts] == [False, False]
    assert isinstance(receipts[-1].get_nowait(), NotRecorded)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_store_refuses_what_comes_behind_it(store: FakeStore) -> None:
    """Writes that came during the batch with the bug are refused, and so are those after it."""
    group = GroupCommit(commit=store.commit, release=store.release)
    first = group.submit("raises")
    store.at_work.wait()
    behind = group.submit("behind")

    store.free.set()
    first.get(timeout=PATIENCE)

    with pytest.raises(NotRecorded):
        group.submit("after")
    assert isinstance(behind.get(timeout=PATIENCE), NotRecorded)
    group.close()  # or its thread dies during another test, which is blamed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_the_store_lets_go_of_it(store: FakeStore) -> None:
    """The store is released however the thread ends."""
    group = GroupCommit(commit=store.commit, release=store.release)
    group.submit("raises")

    store.free.set()
    group.close()

    assert store.released == 1


def test_a_wait_for_a_commit_that_does_not_come_back_ends(
    store: FakeStore, group: GroupCommit[str]
) -> None:
    """Who waits for a record stops at their limit; a write that nobody waits for is not begun."""
    with pytest.raises(TimeoutError):
        group.keep("given up", 0.01)
    store.free.set()

    assert group.keep("third", PATIENCE) is None
    assert [write for batch in store.batches for write in batch] == ["first", "third"]


def test_a_log_that_is_closed_has_not_failed(store: FakeStore) -> None:
    """It has ended as it should."""
    store.free.set()
    sound = GroupCommit(commit=store.commit, release=store.release)
    sound.close()

    assert not sound.has_failed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_shows_as_a_failure(store: FakeStore) -> None:
    """A thread that has died of a bug is told from one that is closed."""
    store.free.set()
    broken = GroupCommit(commit=store.commit, release=store.release)
    broken.submit("raises").get(timeout=PATIENCE)
    broken.close()

    assert broken.has_failed


def test_the_store_belongs_to_the_thread(store: FakeStore, group: GroupCommit[str]) -> None:
    """Commits and the release come from one thread, which is no caller's."""
    group.submit("second")

    store.free.set()
    group.close()

    assert len(store.threads) == 1
    assert current_thread() not in store.threads
