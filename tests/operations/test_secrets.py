"""The secrets of the compose file, made as the operator's guide prints it and named as it lists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from author_guide import read_blocks, snippets
from docker.compose_file import COMPOSE_TEXT, IMAGES, readers_of_secrets
from operating import ROOT, Installation, install
from operations.manifests import DOCKER
from operator_guide import FLAT, PROSE, in_ticks, rows

from cds_service.access.clients_file import read_clients
from cds_service.access.operators import find_operator
from cds_service.settings import all_settings

BLOCKS = {block.about: block.text for block in snippets(read_blocks(FLAT), "run")}
MODE = 0o400
# An engine that has the image: what it is told to run in it runs here, and compose is written down.
ENGINE = """#!/bin/sh
set -eu
case $1 in
  build) echo "$@" ;;
  compose) echo "$@"; cat "$3" ;;
  run)
    while [ "$1" != crd-service ]; do
      [ "$1" != -e ] || export "$2"
      [ "$1" != --env-file ] || { set -a; . "$2"; set +a; }
      shift
    done
    shift
    CRD_HOST=0.0.0.0 exec "$CRD" "$@" ;;
esac
"""


def test_the_guide_lists_every_secret_with_its_reader() -> None:
    """And no other; each has one reader, who must own it."""
    listed = {name: int(cells[1]) for cells in rows("secret") for name in in_ticks(cells[0])}

    assert listed == readers_of_secrets()


def test_the_guide_lists_every_image() -> None:
    """As the compose file has it."""
    assert [name for cells in rows("image") for name in in_ticks(cells[0])] == [*IMAGES]


def test_the_guide_names_every_variable_by_which_another_image_is_taken() -> None:
    """Of the service too."""
    variables = set(re.findall(r"\$\{([A-Z]+_IMAGE):-", COMPOSE_TEXT))

    assert {text for text in in_ticks(PROSE) if text.endswith("_IMAGE")} == variables


def test_the_printed_trial_needs_no_more_than_it_is_given() -> None:
    """The image that was built, at the port that it listens on, told who may call by a setting."""
    (line,) = [line for line in FLAT.splitlines() if line.startswith("docker run ")]
    known = {setting.variable for setting in all_settings()}
    image = (DOCKER / "Dockerfile").read_text("utf-8")
    ((host, outside, inside),) = re.findall(r" -p ([\d.]+):(\d+):(\d+) ", line)

    assert line.split()[-1] == "crd-service"
    assert re.findall(r" -e (\w+)=yes ", line) == ["CRD_ALLOW_OPEN"]
    assert known > {"CRD_ALLOW_OPEN"}
    assert (host, outside) == ("127.0.0.1", inside)
    assert f"\nEXPOSE {inside}\n" in image


@pytest.fixture
def made(tmp_path: Path) -> tuple[Installation, str]:
    """The secrets, made by the printed lines; and what the engine was told."""
    here = install(tmp_path)
    here.config.unlink()
    here.place("/etc/crd/clients.toml").unlink()
    for name in ("fullchain.pem", "privkey.pem"):
        (tmp_path / name).write_text(f"{name}\n")
    engine = tmp_path / "bin" / "docker"
    engine.parent.mkdir()
    engine.write_text(ENGINE)
    engine.chmod(0o755)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here.here(BLOCKS["keys"] + BLOCKS["secrets"])],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{engine.parent}:{os.environ['PATH']}",
            "CRD": str(Path(sys.executable).with_name("crd")),
        },
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return here, ran.stdout


@pytest.mark.operations
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_printed_lines_make_every_secret(made: tuple[Installation, str]) -> None:
    """Each its reader's alone, and what is in two of them agrees."""
    here, _ = made
    files = {name: here.place(f"/etc/crd/{name}") for name in readers_of_secrets()}

    assert {name: file.stat().st_uid for name, file in files.items()} == readers_of_secrets()
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {MODE}
    assert [name for name, file in files.items() if not file.stat().st_size] == []
    password = files["db.password"].read_text()
    assert files["passfile"].read_text() == f"db:5432:crd:crd:{password}"
    assert files["tls.pem"].read_text() == "fullchain.pem\nprivkey.pem\n"
    registered = read_clients(files["clients.toml"])
    assert [client.name for client in registered.all] == ["north-hospital"]
    token = files["crd-operator.token"].read_text().strip()
    assert find_operator(f"Bearer {token}", registered.operators).name == "prometheus"


@pytest.mark.operations
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_printed_command_starts_it_with_all_that_it_must_be_told(
    made: tuple[Installation, str],
) -> None:
    """Every variable without which the compose file refuses to start is in the file it names."""
    here, told = made
    (command,) = [line for line in told.splitlines() if line.startswith("compose ")]
    must = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE_TEXT))
    given = dict(re.findall(r"^([A-Z_]+)=(.+)$", told, re.MULTILINE))

    assert command.split()[1:5] == [
        "--env-file",
        str(here.place("/etc/crd/compose.env")),
        "-f",
        str((DOCKER / "compose.yaml").relative_to(ROOT)),
    ]
    assert must
    assert must <= set(given)
