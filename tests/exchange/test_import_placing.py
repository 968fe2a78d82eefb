"""Files are put into a directory all together or not at all."""

from pathlib import Path, PurePath

import pytest
from imports import snapshot

from cds_service.errors import ExchangeError
from cds_service.exchange.incoming.placing import opened_stage


def files(*names: str) -> dict[PurePath, bytes]:
    """New files of these names."""
    return {PurePath(name): b"new" for name in names}


def test_files_stand_where_they_belong_and_nothing_else_is_left(tmp_path: Path) -> None:
    """In folders too, over those that were there; others are as they were."""
    taken = tmp_path / "deep" / "taken"
    taken.mkdir(parents=True)
    (taken / "old.json").write_bytes(b"old")
    (taken / "kept.json").write_bytes(b"kept")

    with opened_stage(taken) as stage:
        stage.write(files("old.json", "inside/a.json"))
        stage.place([PurePath("inside/a.json"), PurePath("old.json")])

    assert snapshot(taken) == {"inside/a.json": b"new", "kept.json": b"kept", "old.json": b"new"}
    assert {path.name for path in taken.iterdir()} == {"inside", "kept.json", "old.json"}


def test_a_move_that_fails_takes_the_others_back(tmp_path: Path) -> None:
    """What was replaced is back, what was new is gone."""
    (tmp_path / "b.json").write_bytes(b"old")
    (tmp_path / "c.json").mkdir()
    (tmp_path / "c.json" / "in-the-way").write_bytes(b"x")
    before = snapshot(tmp_path)

    with opened_stage(tmp_path) as stage:
        stage.write(files("a.json", "b.json", "c.json"))
        with pytest.raises(ExchangeError, match="cannot be written to"):
            stage.place([PurePath("a.json"), PurePath("b.json"), PurePath("c.json")])

    assert snapshot(tmp_path) == before


def test_what_is_not_placed_leaves_no_trace(tmp_path: Path) -> None:
    """Of the directory that was made for it neither."""
    with opened_stage(tmp_path / "taken") as stage:
        stage.write(files("a.json"))

    assert not (tmp_path / "taken").exists()


def test_an_import_that_was_killed_between_two_moves_is_finished_by_the_next(
    tmp_path: Path,
) -> None:
    """What it had checked comes in; what it had not is discarded."""
    checked, unchecked = tmp_path / ".crd-import-checked", tmp_path / ".crd-import"
    for folder in (checked / "inside", unchecked):
        folder.mkdir(parents=True)
    (checked / "inside" / "b.json").write_bytes(b"new")
    (unchecked / "c.json").write_bytes(b"never checked")

    with opened_stage(tmp_path):
        pass

    assert snapshot(tmp_path) == {"inside/b.json": b"new"}


def test_two_imports_into_one_directory_do_not_meet(tmp_path: Path) -> None:
    """The second is told."""
    with (
        opened_stage(tmp_path),
        pytest.raises(ExchangeError, match="another import into it is under way"),
        opened_stage(tmp_path),
    ):
        pass


def test_a_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    """In plain words."""
    (tmp_path / "file").write_bytes(b"")

    with (
        pytest.raises(ExchangeError, match="cannot be written to"),
        opened_stage(tmp_path / "file" / "taken"),
    ):
        pass
