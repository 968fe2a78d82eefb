"""Libraries of any size: copies of a built-in policy under other numbers and codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cds_service.policy.library.artifacts import builtin_library

BUILT_IN = 2  # policies that come with the service
_MODEL = "icare/wi-pa-1266"
_NUMBER, _CODES = "1266", ("0600T", "0601T")  # what tells one copy from another
_CASES = "cases.json"  # of the model, and about the model's own codes


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedLibrary:
    """A directory of copies; `policies` counts the built-in ones too, `size` is in bytes."""

    directory: Path
    policies: int
    files: int
    size: int


def write_library(directory: Path, policies: int) -> GeneratedLibrary:
    """A library that makes `policies` of them together with the built-in ones.

    Each is as large as the model, down to the byte but for its number, and answers for two codes
    of its own of the model's payer.
    """
    model = _model()
    sizes = list[int]()
    for number in range(BUILT_IN, policies):
        sizes += _write_copy(directory / f"policy-{number:05d}", model, number)
    return GeneratedLibrary(
        directory=directory, policies=len(sizes) // len(model) + BUILT_IN, files=len(sizes),
        size=sum(sizes),
    )  # fmt: skip


def _model() -> Mapping[str, str]:
    folder = builtin_library() / _MODEL
    return {
        file.name: file.read_text(encoding="utf-8")
        for file in sorted(folder.glob("*.json"))
        if file.name != _CASES
    }


def _write_copy(folder: Path, model: Mapping[str, str], number: int) -> list[int]:
    folder.mkdir(parents=True)
    sizes = []
    for name, text in model.items():
        copy = _renumbered(text, number).encode()
        (folder / _renumbered(name, number)).write_bytes(copy)
        sizes.append(len(copy))
    return sizes


def _renumbered(text: str, number: int) -> str:
    text = text.replace(_NUMBER, f"{number:05d}")
    for place, code in enumerate(_CODES):
        text = text.replace(code, f"{number:05d}{'AB'[place]}")
    return text
