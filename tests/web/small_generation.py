"""A generation over workers that only do as they are told, in a process of its own.

with small_generation(2, tmp_path) as generation:
    generation.let_start(0, 1) ... generation.tell(Word.READ_AGAIN) ... generation.heard("1 go")
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from web.worker_service import PATIENCE, await_that

from cds_service.errors import StartError
from cds_service.web.processes.generation import Generation
from cds_service.web.processes.link import Link, Word, inherit_link, open_links
from cds_service.web.processes.post import Post
from cds_service.web.processes.shares import Share, make_shares
from cds_service.web.processes.vigil import Vigil

_LOOK_EVERY = 0.02
_LONGEST_SILENCE = 2.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallGeneration:
    """The process, and the supervisor's end of its link."""

    run: "subprocess.Popen[bytes]"
    above: Link
    directory: Path

    def tell(self, word: Word) -> None:
        """What a supervisor would."""
        self.above.send(word)

    def let_start(self, *places: int) -> None:
        """Have the workers in these places, now and later, get ready."""
        for place in places:
            (self.directory / f"start-{place}").touch()

    def hold(self, place: int) -> None:
        """Have the next worker in this place get ready when it is let."""
        (self.directory / f"start-{place}").unlink()

    def events(self) -> list[str]:
        """What its workers have noted: the place, and a word that they heard, or `forked`."""
        file = self.directory / "events"
        return file.read_text().splitlines() if file.exists() else []

    def await_event(self, event: str, times: int = 1) -> None:
        """Return once it was noted so often."""
        await_that(lambda: self.events().count(event) >= times)

    def worker(self, place: int) -> int:
        """The process in a place."""
        return int((self.directory / f"process-{place}").read_text())

    def order(self, place: int, word: Word) -> None:
        """Have the worker in a place tell the generation this."""
        (self.directory / f"say-{place}").write_text(word)
        await_that(lambda: not (self.directory / f"say-{place}").exists())

    def log(self) -> str:
        """What it wrote to stderr."""
        return (self.directory / "log").read_text()


@contextmanager
def small_generation(size: int, directory: Path, *, refusal: str = "") -> Iterator[SmallGeneration]:
    """A generation of so many workers; with a `refusal` its socket cannot listen."""
    upper, lower = open_links()
    command = [sys.executable, __file__, str(directory), str(size), str(lower.fileno()), refusal]
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            command,
            stderr=log,
            pass_fds=[lower.fileno()],
            env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
        ) as run,
    ):
        lower.close()
        try:
            yield SmallGeneration(run=run, above=upper, directory=directory)
        finally:
            upper.close()
            run.wait(PATIENCE)


def work(directory: Path, post: Post, share: Share) -> None:
    """Be a worker: note what is heard, and say what one is told to, until told to stop."""

    def note(event: str) -> None:
        with (directory / "events").open("a") as file:
            file.write(f"{post.place} {event}\n")

    (directory / f"process-{post.place}").write_text(str(os.getpid()))
    note("forked")
    while not (directory / f"start-{post.place}").exists():
        time.sleep(_LOOK_EVERY)
    if not post.await_go():
        return
    note("go")
    post.link.send(Word.LISTENING)
    os.set_blocking(post.link.fileno(), False)
    while True:
        share.beat()
        for word in _heard(post):
            note(word)
            if word == Word.STOP:
                return
        to_say = directory / f"say-{post.place}"
        if to_say.exists() and (word := to_say.read_text()):
            post.link.send(Word(word))
            to_say.unlink()
        time.sleep(_LOOK_EVERY)


def _heard(post: Post) -> list[str]:
    try:
        words = post.link.hear()
    except BlockingIOError:
        return []
    return [Word.STOP] if words is None else [word for word, _ in words]


def _listen(refusal: str) -> None:
    if refusal:
        raise StartError(refusal)


def main() -> None:
    """Be the generation, or one of its workers."""
    directory, shares = Path(sys.argv[1]), make_shares(int(sys.argv[2]))
    generation = Generation(
        len(shares),
        inherit_link(int(sys.argv[3])),
        listen=partial(_listen, sys.argv[4]),
        shut=lambda: None,
        ended=lambda _place: None,
        lost=lambda: None,
        welcome=lambda: None,
        vigil=Vigil(
            lambda place: shares[place].beats, longest=_LONGEST_SILENCE, look_every=_LOOK_EVERY * 5
        ),
    )
    for number in (signal.SIGHUP, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    if post := generation.run():
        work(directory, post, shares[post.place])
    else:
        sys.stderr.write(generation.refusal)
        sys.exit(generation.status)


if __name__ == "__main__":
    main()
