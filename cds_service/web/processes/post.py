"""The post of a worker: what it begins with, and its word with the generation above it."""

from dataclasses import dataclass

from cds_service.web.processes.link import Link, Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a new worker knows: its place among the others, and the set of policies they serve.

    `digest` is empty where that is the set which the generation has read.
    """

    place: int
    link: Link
    digest: str = ""

    def await_go(self) -> bool:
        """Tell that all is ready, and wait to be let go; False: it is to end instead."""
        self.link.send(Word.READY)
        while (words := self.link.hear()) is not None:
            if any(word == Word.STOP for word, _ in words):
                return False
            if any(word == Word.GO for word, _ in words):
                return True
        return False
