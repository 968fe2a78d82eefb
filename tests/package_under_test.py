"""The copy of `cds_service` that the tests run: the checkout's, or with `--installed` pip's.

A virtual environment has a copy of its own (`pip install .`), which must not be taken for the
checkout: its tests would stay green whatever is broken here.
"""

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHECKOUT = ROOT / "cds_service"
TESTS = ROOT / "tests"


class WrongPackage(Exception):
    """`cds_service` would be imported from a place other than the one to be tested."""


def package_found() -> Path | None:
    """The folder from which this process imports `cds_service`, without importing it."""
    spec = find_spec("cds_service")
    return Path(spec.origin).resolve().parent if spec and spec.origin else None


def check_package(found: Path | None, *, installed: bool) -> None:
    """Let the checkout's package pass, or if `installed` any other.

    Raises:
        WrongPackage: the folder is not of the copy to be tested, or there is none.
    """
    if found is None:
        raise WrongPackage("`cds_service` is not installed")
    if (found == CHECKOUT) == installed:
        wanted = "an installed copy" if installed else f"the checkout's, `{CHECKOUT}`"
        raise WrongPackage(f"`cds_service` is `{found}`, not {wanted}")


def without_checkout(search_path: Iterable[str]) -> list[str]:
    """The entries of a module search path through which the checkout is not imported."""
    return [entry for entry in search_path if Path(entry).resolve() != ROOT]


def subprocess_environment(*, installed: bool) -> dict[str, str]:
    """Environment variables that make Python subprocesses of tests import the same copy.

    Their working directory does not count: `python -m cds_service` would prefer a package there.
    """
    own = [str(TESTS)] if installed else [str(ROOT), str(TESTS)]
    inherited = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    search_path = [*own, *without_checkout(inherited)]
    return {"PYTHONPATH": os.pathsep.join(search_path), "PYTHONSAFEPATH": "1"}
