"""AnnData in Zarr at a URL: how a URL is told to be one, and its opening."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from starcyte.errors import DatasetChanged, DatasetInvalid, RemoteFailed, StarcyteError
from starcyte.settings import Settings
from starcyte.store.anndata.dataset import AnnDataDataset
from starcyte.store.cache import make_room
from starcyte.store.in_place.chunk_cache import ChunkCache
from starcyte.store.in_place.consolidated import ConsolidatedStore, of_version_2, of_version_3
from starcyte.store.in_place.fetcher import Fetcher
from starcyte.store.in_place.store import ObjectsStore, is_page
from starcyte.store.in_place.zip_bytes import RemoteBytes
from starcyte.store.names import dataset_stem
from starcyte.store.nodes import Array, Group
from starcyte.store.remote.file import RemoteFile, folder_of
from starcyte.store.remote.objects import Part, Refused
from starcyte.store.remote.schemes import open_objects
from starcyte.store.zarr.array import ZarrArray
from starcyte.store.zarr.container import METADATA_BYTES, METADATA_NAMES, Store
from starcyte.store.zarr.file import ZarrFile
from starcyte.store.zarr.metadata import parse
from starcyte.store.zarr.nodes import open_node
from starcyte.store.zarr.zip_file import ZipStore

_SAMPLE_BYTES = 4096
# elements, and arrays, that are read before they are asked for
_FEW = 1 << 20
_MOST_EXPECTED = 200

Progress = Callable[[float | None, str], None]
OnChange = Callable[[DatasetChanged], None]


def fetch_or_open(
    remote: RemoteFile,
    settings: Settings,
    progress: Progress,
    is_cancelled: Callable[[], bool] = lambda: False,
    on_metadata: Callable[[Path, Path], None] | None = None,
    on_change: OnChange = lambda error: None,
) -> Path | AnnDataDataset:
    """Return the path of a remote file, downloaded, or the dataset at its URL if that is Zarr.

    It is Zarr if its name is that of a Zarr store; or else if there is no file at the URL, or one of no known format,
    and below the URL are the metadata of a store.

    Parameters
    ----------
    remote
        The file.
    settings
        The settings in force.
    progress, is_cancelled, on_metadata
        Of :meth:`starcyte.store.remote.file.RemoteFile.fetch`.
    on_change
        Of :func:`open_in_place`.

    Raises
    ------
    InputError
        If it cannot be downloaded or opened.
    Cancelled
        If it was cancelled.
    """
    if remote.is_zarr:
        progress(None, "Reading the metadata")
        return open_in_place(remote.url, settings, on_change)
    try:
        return remote.fetch(progress, is_cancelled, on_metadata)
    except (RemoteFailed, DatasetInvalid) as error:
        if remote.is_shown or remote.has_checksum or remote.is_named_file:
            raise
        try:
            return open_in_place(remote.url, settings, on_change)
        except (NoStore, DatasetInvalid):
            raise error from None


class NoStore(RemoteFailed):
    """There is no Zarr store at the URL."""


def open_in_place(
    url: str, settings: Settings, on_change: OnChange = lambda error: None, is_read_once: bool = False
) -> AnnDataDataset:
    """Open the dataset in a Zarr store at a URL.

    Parameters
    ----------
    url
        The URL of the folder of the store, or of a zip file of one.
    settings
        ``remote_*``, ``cache_dir``, ``max_array_bytes`` and the settings of opening are used.
    on_change
        Called with the error, from any thread, once the store is found to be replaced.
    is_read_once
        Whether the bytes will not be read again, and is not put into the cache.

    Raises
    ------
    NoStore
        If there is none.
    InputError
        If it cannot be read, or is not allowed.
    DatasetInvalid
        If it is no AnnData, or is damaged.
    """
    remote = RemoteFile(url, settings)
    fetcher = Fetcher(open_objects(remote.url, settings), settings)
    fetcher.keeps, fetcher.on_change = not is_read_once, on_change
    try:
        folder = folder_of(remote.url, settings)
        store = _open_zip(fetcher, remote, folder, settings) if remote.is_zip else _open_root(fetcher, folder, settings)
        with suppress(OSError):
            make_room(folder.parent, settings.cache_bytes, keep=folder.name, lock="used")
        _expect(store)
        # no such file exists: the name is that of the dataset, and the folder that of its parts
        path = folder / (remote.name if remote.is_zarr else f"{dataset_stem(remote.name)}.zarr")
        dataset = AnnDataDataset(path, settings, ZarrFile(path, settings.max_array_bytes, store))
    except BaseException:
        fetcher.close()
        raise
    if fetcher.failure is not None:
        # what was left out of a dataset for want of an answer is no fault of the dataset
        dataset.close()
        raise fetcher.failure.anew()
    return dataset


def open_to_index(url: str, path: Path, settings: Settings) -> AnnDataDataset:
    """Open a dataset at a URL in the process that builds its index, in place of the file at a path."""
    return open_in_place(url, settings, is_read_once=True)


def _open_root(fetcher: Fetcher, folder: Path, settings: Settings) -> Store:
    refused: Refused | None = None
    for name in ("zarr.json", ".zmetadata", ".zgroup"):
        try:
            content = fetcher.read(Part(name), METADATA_BYTES)
        except Refused as error:
            refused = refused or error
            continue
        if content is None or is_page(content):
            continue
        objects = _Objects(fetcher, settings.max_array_bytes, content, name)
        version = fetcher.version(name)
        fetcher.watch(Part(name, 0, 1), version)
        if version:
            fetcher.cache = ChunkCache(folder, objects.revision, settings.remote_chunk_bytes)
        if name == ".zgroup":
            return objects
        found = parse(content, "the store")
        files = of_version_2(found) if name == ".zmetadata" else of_version_3(found)
        return objects if files is None else _consolidated(objects, files)
    raise refused or NoStore(f"There is no Zarr store at {fetcher.shown}.", "Check the URL.")


class _Objects(ObjectsStore):
    """The objects of a store, of which the root's metadata are known."""

    def __init__(self, fetcher: Fetcher, most_bytes: int, content: bytes, name: str) -> None:
        super().__init__(fetcher, most_bytes)
        self.version = 3 if name == "zarr.json" else 2
        self.seen: Store = self
        self._content = content
        digest = hashlib.blake2b(content, digest_size=16)
        self.revision = hashlib.blake2b(digest.digest() + fetcher.version(name).encode(), digest_size=8).hexdigest()

    def fingerprint(self) -> tuple[str, str]:
        """Return the fingerprint of the content and the revision of the store.

        Returns
        -------
        fingerprint
            Hash of the root's metadata, consolidated or not, and of the first 4 KiB of some chunks: of X and of the
            names of the cells.
        revision
            The fingerprint with a hash of the version of the root's metadata.
        """
        digest = hashlib.blake2b(self._content, digest_size=16)
        samples = list(_samples(self.seen))
        self.ahead([(key, 0, _SAMPLE_BYTES) for key in samples])
        for key in samples:
            digest.update(self.read(key, 0, _SAMPLE_BYTES) or b"")
        return digest.hexdigest(), f"{digest.hexdigest()}-{self.revision}"


def _consolidated(objects: _Objects, files: dict[str, bytes]) -> Store:
    store = ConsolidatedStore(objects, files)
    objects.seen = store
    return store


def _open_zip(fetcher: Fetcher, remote: RemoteFile, folder: Path, settings: Settings) -> Store:
    source = RemoteBytes(fetcher, remote.name)
    fetcher.watch(Part("", 0, 1), source.version)
    if source.version:
        revision = source.fingerprint()[1]
        fetcher.cache = ChunkCache(folder, revision, settings.remote_chunk_bytes)
    store = ZipStore(source, settings.max_array_bytes)
    for name, read in (("zarr.json", of_version_3), (".zmetadata", of_version_2)):
        content = store.read(name, 0, METADATA_BYTES + 1)
        if content is not None and len(content) <= METADATA_BYTES:
            files = read(parse(content, "the store"))
            if files is not None:
                return ConsolidatedStore(store, files)
    store.ahead([(key, 0, None) for key in store.entries() if key.rpartition("/")[2] in METADATA_NAMES])
    return store


def _samples(store: Store) -> Iterator[str]:
    """Yield the keys of the chunks, or shards, that are part of the fingerprint."""
    with suppress(StarcyteError):
        root = open_node(store, "", METADATA_BYTES)
        if not isinstance(root, Group):
            return
        obs = root.child("obs")
        index = obs.attribute("_index") if isinstance(obs, Group) else None
        for path, n in (("X/data", 3), ("X/indices", 1), ("X", 3), (f"obs/{index}", 2)):
            node = root.child(path)
            if isinstance(node, ZarrArray):
                yield from node.files(n)


def _expect(store: Store) -> None:
    """Begin to read the elements that opening asks for one by one: genes, categories, columns of integers."""
    if not isinstance(store, ConsolidatedStore):
        return
    expected = 0
    with suppress(StarcyteError):
        for key in store.arrays():
            folder, _, name = key.rpartition("/")
            top = key.partition("/")[0]
            is_wanted = (
                (top == "obs" and (name == "categories" or folder.endswith("categories") or folder == "obs"))
                or (top == "var" and key.count("/") == 1)
                or (top == "uns" and key.endswith(("_colors", "/title", "/default_embedding", "_categories")))
            )
            if not is_wanted or expected >= _MOST_EXPECTED:
                continue
            node = open_node(store, key, METADATA_BYTES)
            if isinstance(node, Array) and (node.size <= _FEW if top != "obs" or name == "categories" else False):
                node.ahead()
                expected += 1
