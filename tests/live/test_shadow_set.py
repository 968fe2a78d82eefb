"""The set to come: as the store names it, and none where it cannot answer."""

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from cds_service.errors import NotThereYet, SetRefused, SettingError
from cds_service.live.shadow_set import ShadowSet


def answers(_call: object) -> Any:
    """What answers by a set."""


class Store:
    """What the store names, and what becomes of reading it."""

    def __init__(self) -> None:
        self.digest, self.serving = "", "sha256:serving"
        self.fails: Exception | None = None
        self.prepared: list[str] = []

    def named(self) -> str:
        if isinstance(self.fails, OperationalError):
            raise self.fails
        return self.digest

    def prepare(self, digest: str) -> Any:
        self.prepared.append(digest)
        if self.fails:
            raise self.fails
        return answers


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def followed(store: Store) -> ShadowSet:
    """What follows the store, look by look."""
    return ShadowSet(
        named=store.named, prepare=store.prepare, serving=lambda: (store.serving, answers)
    )


def coming(followed: ShadowSet) -> str:
    """The set to come after another look; empty for none."""
    followed.look()
    shadowing = followed.shadowing()
    return shadowing.coming if shadowing else ""


def test_the_set_that_the_store_names_is_prepared_once(followed: ShadowSet, store: Store) -> None:
    """And another when it names another; none when it names none."""
    assert coming(followed) == ""
    store.digest = "sha256:1"
    assert [coming(followed), coming(followed)] == ["sha256:1", "sha256:1"]
    store.digest = "sha256:2"
    assert coming(followed) == "sha256:2"
    store.digest = ""
    assert coming(followed) == ""
    assert store.prepared == ["sha256:1", "sha256:2"]


def test_a_set_that_is_in_service_is_to_come_no_more(followed: ShadowSet, store: Store) -> None:
    """There is nothing to compare; and there is again once it is rolled back."""
    store.digest = store.serving = "sha256:1"
    assert coming(followed) == ""
    store.serving = "sha256:0"
    assert coming(followed) == "sha256:1"


@pytest.mark.parametrize(
    "error", [SetRefused("altered"), SettingError("authorizations", "is not there")]
)
def test_a_set_that_cannot_answer_is_not_tried_again(
    followed: ShadowSet, store: Store, error: Exception
) -> None:
    """A digest never names anything else."""
    store.digest, store.fails = "sha256:1", error
    assert [coming(followed), coming(followed)] == ["", ""]
    assert store.prepared == ["sha256:1"]


def test_a_set_that_cannot_be_had_just_now_is_tried_again(
    followed: ShadowSet, store: Store
) -> None:
    """The store was away."""
    store.digest, store.fails = "sha256:1", NotThereYet("away")
    assert coming(followed) == ""
    store.fails = None
    assert coming(followed) == "sha256:1"


def test_a_store_that_is_away_changes_nothing(followed: ShadowSet, store: Store) -> None:
    """What answered silently goes on."""
    store.digest = "sha256:1"
    assert coming(followed) == "sha256:1"
    store.fails = OperationalError("SELECT", None, Exception("away"))
    assert coming(followed) == "sha256:1"


def test_it_looks_by_itself_until_it_is_closed(store: Store) -> None:
    """A thread of its own does."""
    store.digest = "sha256:1"
    followed = ShadowSet(
        named=store.named,
        prepare=store.prepare,
        serving=lambda: (store.serving, answers),
        seconds=0.001,
    )
    followed.start()
    followed.close()
    assert followed.shadowing() is not None
