"""Files of runs: whole or not at all, in folders and below URLs; what is wrong is said in words."""

import errno
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from upath import UPath

from insulae.core.errors import RunError
from insulae.runs import store

PLACES = ["folder", "memory"]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[store.Location]:
    """A folder, or a place in a store of objects."""
    url = f"memory://bucket/{tmp_path.name}"
    yield tmp_path if request.param == "folder" else store.location(url)
    fsspec.filesystem("memory").rm("/", recursive=True)


def test_the_hash_sees_borders_and_not_the_order_of_keys():
    assert store.digest("ab", "c") != store.digest("a", "bc")
    assert store.digest_of({"a": 1, "b": 2}) == store.digest_of({"b": 2, "a": 1})


def test_files_are_hashed_by_name_and_content(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"x\r\n")
    first = store.digest_of_files(tmp_path, tmp_path.glob("*"))
    (tmp_path / "a").write_bytes(b"x\n")
    assert store.digest_of_files(tmp_path, tmp_path.glob("*")) == first
    (tmp_path / "a").rename(tmp_path / "b")
    assert store.digest_of_files(tmp_path, tmp_path.glob("*")) != first


def test_tables_become_one_file_with_always_the_same_bytes(place: store.Location):
    texts = pa.array(["x", "y"]).dictionary_encode()
    parts = [
        pa.table({"value": [0.5, float("inf")], "text": texts.take(pa.array(n))}) for n in ([0, 1], [1, 1])
    ]
    first, second = (store.write_tables(place / name, parts[0].schema, parts).read_bytes() for name in "ab")
    assert first == second
    found = store.read_table(place / "a")
    assert found.to_pydict() == {"value": [0.5, float("inf")] * 2, "text": ["x", "y", "y", "y"]}
    assert found.schema.field("text").type == pa.string()
    with (place / "a").open("rb") as file:
        assert pq.ParquetFile(file).num_row_groups == 2


def test_a_part_of_a_table_is_read_alone(place: store.Location):
    table = pa.table({"patient": [1, 2, 3], "value": [0.5, 1.5, 2.5]})
    path = store.write_tables(place / "a", table.schema, [table])
    assert store.read_table(path, columns=["value"]) == table.select(["value"])


def test_a_table_is_read_a_row_group_at_a_time(place: store.Location):
    table = pa.table({"patient": [1, 2, 3], "arm": ["a", "b", "a"]})
    parts = [table.slice(0, 2), table.slice(2)]
    path = store.write_tables(place / "a", table.schema, parts)
    assert [*store.read_row_groups(path)] == parts
    assert pa.types.is_dictionary(store.read_table(path, read_dictionary=["arm"])["arm"].type)


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(place: store.Location):
    store.make_folder(place)
    path = store.write_text(place / "a.txt", "old")

    def full(to: Path) -> None:
        to.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(RunError, match="No space left"):
        store.write_whole(path, full)
    assert path.read_text() == "old"
    assert store.names(place) == {"a.txt"}


def test_a_table_that_breaks_off_is_not_written(place: store.Location):
    table = pa.table({"value": [1.0]})

    def parts() -> Iterator[pa.Table]:
        yield table
        raise RunError("no more rows")

    with pytest.raises(RunError, match="no more rows"):
        store.write_tables(place / "a", table.schema, parts())
    assert store.names(place) == set()


def test_a_store_that_refuses_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch):
    class Refused(Exception):
        """What packages of stores raise is often no `OSError`."""

    def refuse(*arguments: object, **options: object) -> None:
        raise Refused("no credentials")

    monkeypatch.setattr(MemoryFileSystem, "put_file", refuse)
    with pytest.raises(RunError, match=r"cannot write memory://bucket.*: no credentials.*--out"):
        store.make_folder(store.location("memory://bucket/refused"))


def test_a_place_can_be_written_to_and_is_empty_before_and_after(place: store.Location):
    assert store.names(place / "inside") == set()
    store.make_folder(place / "inside")
    assert store.names(place / "inside") == set()


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path):
    (tmp_path / f"x.1.2{store.UNFINISHED}").touch()
    store.make_folder(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="--out"):
        store.make_folder(tmp_path / "file" / "inside")


def test_a_damaged_or_missing_table_is_an_error_in_words(place: store.Location):
    path = store.write_text(place / "a.parquet", "nonsense")
    for table in (path, place / "b.parquet"):
        with pytest.raises(RunError, match=rf"cannot read {table}: .*Delete the file"):
            store.read_table(table)


def test_local_places_are_paths_however_they_are_written(tmp_path: Path):
    for given in (tmp_path, str(tmp_path), f"file://{tmp_path.as_posix()}", UPath(tmp_path)):
        found = store.location(given)
        assert isinstance(found, Path) and found == tmp_path
    assert store.location("results/x") == Path("results/x")
    assert store.location(UPath("memory://a/b")) == store.location("memory://a/b")


def test_a_file_system_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(RunError, match=r"cannot use s3://bucket/x: .*s3fs.*pip install s3fs"):
        store.location("s3://bucket/x")


def test_an_unknown_file_system_is_an_error_in_words():
    with pytest.raises(RunError, match="cannot use s4://bucket/x"):
        store.location("s4://bucket/x")


def test_plain_data_is_written_a_plain_list_a_line(tmp_path: Path):
    record = {"a": {"n": [1, 2.5, None], "empty": {}}, "of": [{"x": "ä"}, []], "none": [], "yes": True}
    path = store.write_json(tmp_path / "a.json", record)
    text = Path(str(path)).read_text(encoding="utf-8")
    assert json.loads(text) == record
    assert '\n  "n": [1, 2.5, null],\n' in text and '\n  {\n   "x": "ä"\n  }' in text


def test_numbers_that_json_does_not_know_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="JSON"):
        store.write_json(tmp_path / "a.json", {"a": {"b": [float("nan")]}})
    assert not list(tmp_path.iterdir())
