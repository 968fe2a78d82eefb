"""The installed package holds the checkout's modules, data and policies (with `--installed`)."""

import subprocess
import sys
from pathlib import Path

import pytest
from package_under_test import CHECKOUT, ROOT

import cds_service

PACKAGE = Path(cds_service.__file__).parent
LIBRARY = ROOT / "fhir_library"


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file in a folder by its path, compiled modules apart."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }


def test_the_package_holds_the_files_of_the_checkout_and_the_library() -> None:
    """Modules, templates, schemas and policies are there, and nothing that should not be."""
    expected = files(CHECKOUT)
    expected |= {f"fhir_library/{path}": content for path, content in files(LIBRARY).items()}

    assert sorted(files(PACKAGE)) == sorted(expected)


@pytest.mark.parametrize("path", sorted(files(CHECKOUT)))
def test_each_file_of_the_package_is_that_of_the_checkout(path: str) -> None:
    """An old copy of the package is not taken for the one to be tested."""
    assert (PACKAGE / path).read_bytes() == (CHECKOUT / path).read_bytes()


def test_the_command_is_installed() -> None:
    """`crd` stands beside the interpreter, and shows the version of the package."""
    command = Path(sys.executable).with_name("crd")
    run = subprocess.run([command, "--version"], capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, "")
    assert "version" in run.stdout
