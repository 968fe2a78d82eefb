"""The vigil: who is given up for showing no life, and when nobody is."""

from dataclasses import dataclass, field

from cds_service.web.processes.vigil import Vigil

MINUTE = 60.0


@dataclass(slots=True)
class Workers:
    """Two workers with their beats, and the time."""

    beats: list[int] = field(default_factory=lambda: [0, 0])
    now: float = 0.0

    def vigil(self) -> Vigil:
        """Looks after them every five seconds, by their time."""
        return Vigil(self.beats.__getitem__, look_every=5.0, clock=lambda: self.now)

    def pass_time(self, vigil: Vigil, seconds: float, *beating: int) -> list[int]:
        """Who is given up in so many seconds, in which these show life."""
        given_up = list[int]()
        until = self.now + seconds
        while self.now < until:
            self.now += 5.0
            for place in beating:
                self.beats[place] += 5
            if (silent := vigil.look([0, 1])) is not None:
                given_up.append(silent)
        return given_up


def test_a_worker_without_a_sign_of_life_for_a_minute_is_given_up() -> None:
    """Not before."""
    workers = Workers()
    vigil = workers.vigil()

    assert workers.pass_time(vigil, MINUTE, 0) == []
    assert workers.pass_time(vigil, 2 * 5.0, 0) == [1]


def test_a_machine_that_slept_gives_up_nobody() -> None:
    """The time in which nobody could look does not count."""
    workers = Workers()
    vigil = workers.vigil()
    workers.pass_time(vigil, MINUTE, 0, 1)
    workers.now += 3600.0

    assert vigil.look([0, 1]) is None
    assert workers.pass_time(vigil, 5.0) == []
    assert workers.pass_time(vigil, 10 * MINUTE, 0, 1) == []


def test_where_all_hang_at_the_same_time_they_go_one_a_minute() -> None:
    """What holds them all up may end before: a disk, a log that nobody reads."""
    workers = Workers()
    vigil = workers.vigil()

    assert len(workers.pass_time(vigil, MINUTE + 10.0)) == 1
    assert workers.pass_time(vigil, MINUTE - 10.0) == []
    assert len(workers.pass_time(vigil, MINUTE)) == 1


def test_a_worker_that_starts_in_the_place_of_one_that_hung_begins_anew() -> None:
    """As long as it starts it is not looked at, and then it has a whole minute."""
    workers = Workers()
    vigil = workers.vigil()
    workers.pass_time(vigil, MINUTE, 0)
    workers.now += 5.0
    workers.beats[0] += 5
    vigil.look([0])

    assert workers.pass_time(vigil, MINUTE, 0) == []


def test_with_nobody_to_look_at_there_is_nobody_to_give_up() -> None:
    """As during the start."""
    assert Workers().vigil().look([]) is None
