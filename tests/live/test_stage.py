"""The stage: how a set gets in service, and what leaves the old one there."""

import pytest
from live.staging import (
    ACTIVATION,
    ALL_STEPS,
    DIRECTORIES,
    NOON,
    Scene,
    candidate,
    failing,
    name_of,
)

from cds_service.errors import (
    ArtifactError,
    ArtifactErrors,
    CrdError,
    NotThereYet,
    SetRefused,
    SettingError,
)
from cds_service.live.attempt import Ending, Problem


def test_a_set_is_proved_kept_and_permitted_before_it_is_in_service() -> None:
    """What it answers could not be given again if it were kept afterwards, or never."""
    scene = Scene(seconds=5)

    attempt = scene.stage.attempt(candidate("second"))

    assert scene.done == ALL_STEPS
    assert (attempt.ending, attempt.digest) == (Ending.CHANGED, name_of("second"))
    assert scene.serves("second")
    assert scene.stage.standing.since == scene.now()
    assert scene.stage.standing.cause == ""


def test_the_very_same_set_is_no_change() -> None:
    """Files may be written anew without a change of what is in them."""
    scene = Scene()

    attempt = scene.stage.attempt(candidate("first"))

    assert attempt.ending is Ending.UNCHANGED
    assert scene.done == ["permit"]
    assert scene.stage.standing.since == NOON


@pytest.mark.parametrize("step", ["permit", "prove", "keep"])
@pytest.mark.parametrize(
    ("error", "ending"),
    [
        (SetRefused("not approved"), Ending.REFUSED),
        (ArtifactError("/etc/policies/a.json", "$.url", "is wrong"), Ending.REFUSED),
        (SettingError("clients", "no such payer"), Ending.REFUSED),
        (NotThereYet("the database is away"), Ending.POSTPONED),
    ],
)
def test_whatever_goes_wrong_leaves_the_old_set_and_says_why(
    step: str, error: CrdError, ending: Ending
) -> None:
    """No step after it is taken, the last least of all."""
    scene = Scene(errors={step: error})

    attempt = scene.stage.attempt(candidate("second"))

    assert attempt.ending is ending
    assert scene.done == ALL_STEPS[: ALL_STEPS.index(step) + 1]
    assert scene.serves("first")
    assert scene.stage.standing.cause == str(error).replace("/etc/policies/", "")


def test_every_fault_of_a_set_is_named_without_the_place_of_the_directory() -> None:
    """Whoever asks a probe need not know where files are; whoever mends them sees all at once."""
    faults = [
        ArtifactError("/etc/policies/a.json", "$.url", "also in /etc/policies/b.json"),
        ArtifactError("/etc/policies/b.json", "$.id", "is wrong"),
    ]
    scene = Scene()

    attempt = scene.stage.attempt(failing(ArtifactErrors(faults)))

    assert attempt.problems == (
        Problem(file="a.json", where="$.url", words="also in b.json"),
        Problem(file="b.json", where="$.id", words="is wrong"),
    )
    assert attempt.cause == "2 problems, the first: a.json: $.url: also in b.json"


def test_a_sound_set_ends_what_was_wrong() -> None:
    """Also the set in service itself, when what was tried over it is taken back."""
    scene = Scene()
    scene.stage.attempt(failing(SetRefused("not approved")))
    assert scene.stage.standing.cause == "not approved"

    scene.stage.attempt(candidate("first"))

    assert scene.stage.standing.cause == ""


def test_a_set_with_an_instant_is_ready_before_and_goes_live_then() -> None:
    """All that takes time is done by then, so that all processes change at the same moment."""
    scene = Scene()

    attempt = scene.stage.attempt(candidate("second", after=60, source=ACTIVATION, is_ordered=True))

    assert (attempt.ending, scene.done) == (Ending.WAITING, ALL_STEPS[:-1])
    assert scene.serves("first")
    assert scene.stage.seconds_left() == 60
    scene.seconds = 60
    assert scene.stage.seconds_left() == 0
    assert scene.stage.go_live().ending is Ending.CHANGED
    assert scene.serves("second")
    assert scene.stage.standing.source is ACTIVATION
    assert scene.stage.seconds_left() is None


def test_a_set_whose_instant_has_passed_goes_live_at_once() -> None:
    """So it is for a process that has been away."""
    scene = Scene(seconds=61)

    attempt = scene.stage.attempt(candidate("second", after=60, source=ACTIVATION, is_ordered=True))

    assert attempt.ending is Ending.CHANGED


def test_an_order_takes_the_place_of_one_that_waits() -> None:
    """Whoever returns to the directories does not find an activation in service an hour later."""
    scene = Scene()
    scene.stage.attempt(candidate("second", after=60, source=ACTIVATION, is_ordered=True))

    scene.stage.attempt(candidate("first", source=DIRECTORIES, is_ordered=True))

    assert scene.stage.candidate is None
    assert scene.serves("first")


def test_a_change_of_directories_leaves_one_that_waits() -> None:
    """Until its instant the directories are followed."""
    scene = Scene()
    scene.stage.attempt(candidate("second", after=60, source=ACTIVATION, is_ordered=True))

    assert scene.stage.attempt(candidate("third")).ending is Ending.CHANGED

    assert scene.serves("third")
    assert scene.stage.seconds_left() == 60


def test_an_activation_is_not_ended_by_a_directory() -> None:
    """It is not even read; whoever asks learns what would end it."""
    scene = Scene(source=ACTIVATION)

    attempt = scene.stage.attempt(failing(ValueError("read")))

    assert attempt.ending is Ending.DECLINED
    assert "crd policy follow" in attempt.cause
    assert scene.stage.standing.cause == ""
    assert scene.done == []


def test_an_order_of_the_set_in_service_changes_who_says_so() -> None:
    """From then on a change of the directories ends nothing."""
    scene = Scene()

    attempt = scene.stage.attempt(candidate("first", source=ACTIVATION, is_ordered=True))

    assert attempt.ending is Ending.UNCHANGED
    assert scene.stage.standing.source is ACTIVATION
    assert scene.stage.standing.since == NOON
