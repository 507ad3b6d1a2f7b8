"""The file that a command writes: never the dataset, and no other file in place of an archive."""

from __future__ import annotations

from pathlib import Path

import pytest
from prepared import prepared_store, tree, write_dataset
from starcyte.cli import main
from starcyte.errors import InputError

_COMPARED = ("--condition=is_doublet", "--sample=donor", "--a=True", "--b=False")


@pytest.mark.parametrize("name", ["x.h5ad", "link.h5ad"])
@pytest.mark.parametrize(
    "command",
    [["prepare"], ["inspect"], ["compare", "--condition=is_doublet", "--sample=donor", "--a=True", "--b=False"]],
)
def test_the_dataset_is_not_replaced(command: list[str], name: str, tmp_path: Path, capsys) -> None:
    source = tmp_path / "x.h5ad"
    write_dataset(source)
    (tmp_path / "link.h5ad").symlink_to(source)
    before = source.read_bytes()
    cache = f"--cache-dir={tmp_path / 'cache'}"
    assert main([command[0], str(source), *command[1:], cache, f"--output={tmp_path / name}"]) == 2
    assert "is the dataset itself" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_indexes_replace_an_archive_and_no_other_file(tmp_path: Path, capsys) -> None:
    write_dataset(tmp_path / "x.h5ad")
    write_dataset(tmp_path / "y.h5ad")
    before = (tmp_path / "y.h5ad").read_bytes()
    (tmp_path / "x.tar").touch()

    def prepare(output: str) -> int:
        cache = f"--cache-dir={tmp_path / 'cache'}"
        return main(["prepare", str(tmp_path / "x.h5ad"), "--matrix=X", cache, f"--output={tmp_path / output}"])

    assert prepare("x.tar") == 0
    assert prepare("x.tar") == 0
    assert prepare("y.h5ad") == 2
    assert "is no archive of indexes" in capsys.readouterr().err
    assert (tmp_path / "y.h5ad").read_bytes() == before


@pytest.mark.parametrize("command", ["prepare", "inspect"])
def test_nothing_is_written_into_a_store_that_is_read(command: str, tmp_path: Path, capsys) -> None:
    write_dataset(tmp_path / "x.h5ad")
    prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    before = tree(tmp_path / "x.zarr")
    assert main([command, str(tmp_path / "x.zarr"), f"--output={tmp_path / 'x.zarr' / 'uns' / 'y.zarr'}"]) == 2
    assert "lies in the dataset" in capsys.readouterr().err
    assert tree(tmp_path / "x.zarr") == before


def test_a_link_that_leads_nowhere_is_not_replaced(tmp_path: Path) -> None:
    write_dataset(tmp_path / "x.h5ad")
    (tmp_path / "x.zarr").symlink_to("nowhere")
    with pytest.raises(InputError, match="exists already"):
        prepared_store(tmp_path / "x.h5ad", tmp_path / "x.zarr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.h5ad", "x.zarr"]
