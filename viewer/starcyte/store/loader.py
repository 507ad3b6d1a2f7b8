"""A dataset that is being opened behind a page that already answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from starcyte.errors import DatasetLoading, InputError, StarcyteError
from starcyte.settings import Settings
from starcyte.store.open import open_dataset

if TYPE_CHECKING:
    from starcyte.store.dataset import Dataset, StoredDataset, Tick
    from starcyte.store.index.background import BackgroundIndexing, Progress
    from starcyte.store.remote.file import RemoteFile

log = logging.getLogger(__name__)

# after which the rest of a file that is shown is asked for once more
_TRY_AGAIN_SECONDS = 30.0

State = Literal["loading", "ready", "error"]


class Guarantee(Protocol):
    """What says that opening a file does not end the process."""

    def wait(self) -> None:
        """Wait until that is known; raise DatasetInvalid where it would."""


class DatasetLoader:
    """Opens a dataset in a thread of its own, and says how far it is.

    Once ``state`` is ready or error it does not change any more, but for a file from a URL: one that is shown while it
    comes (``coming``) may be replaced there meanwhile, and then is in error.

    Parameters
    ----------
    path
        The file; None where it is fetched (``remote``) or written first (``make``).
    settings
        The settings in force.
    on_error
        Told why it cannot be opened.
    indexing
        Whether to make column indexes in the background.
    probe
        Says that opening the file is survived: a process that opens it first.
    remote
        Where the file is fetched from, in place of a path.
    turn
        Held while an index is made, where several datasets share a machine.
    make
        Writes the file of the demo dataset and returns its path.
    """

    def __init__(
        self,
        path: Path | None,
        settings: Settings,
        on_error: Callable[[StarcyteError], None] = lambda error: None,
        indexing: bool = False,
        probe: Guarantee | None = None,
        remote: RemoteFile | None = None,
        turn: threading.Semaphore | None = None,
        make: Callable[[Settings], Path] | None = None,
    ) -> None:
        self._make = make
        self._probe = probe
        self._remote = remote
        self._turn = turn
        self._closed = threading.Event()
        self._indexing = indexing
        self._path = path
        self._settings = settings
        self._on_error = on_error
        self._dataset: StoredDataset | None = None
        self._late_problem = ""
        self._preparing: BackgroundIndexing | None = None
        self._done = threading.Event()
        self.error: StarcyteError | None = None
        self.progress: float | None = None
        self.downloaded: float | None = None
        "The fraction of the file that is here, where it is shown while it comes; None: all of it."
        demo = "Making the demo dataset, once: some ten seconds"
        self.message = "Asking for the file" if remote else "Opening the file" if path else demo
        self.title: str = settings.title or (Path(remote.name).stem if remote else path.stem if path else "Demo")

    @property
    def state(self) -> State:
        """How far it is."""
        if not self._done.is_set():
            return "loading"
        return "error" if self.error else "ready"

    @property
    def is_complete(self) -> bool:
        """Whether it is open, and all of it is here."""
        return self.state == "ready" and self.downloaded is None

    def start(self) -> None:
        """Begin, and return at once."""
        threading.Thread(target=self.run, name="opening", daemon=True).start()

    def run(self) -> None:
        """Open the dataset, keeping what goes wrong for those who ask."""
        try:
            # imported here so that the port answers before the scientific libraries are there
            if self._remote is not None:
                self._run_remote(self._remote)
                return
            path = self._path
            if path is None:
                assert self._make is not None
                path = self._make(self._settings)
                self.message = "Opening the file"
            if self._probe is not None:
                self._probe.wait()
            self._show(path)
            self._prepare()
        except StarcyteError as error:
            self.error = error
            self.message = error.message
        except Exception:
            log.exception("opening failed")
            self.error = StarcyteError("The file could not be opened: a defect of starcyte.", "See the server's log.")
            self.message = self.error.message
        finally:
            self.downloaded = None
            was_shown = self._done.is_set()
            self._done.set()
            if self._closed.is_set():
                self.close()
            elif self.error and not was_shown:
                self._on_error(self.error)

    def _run_remote(self, remote: RemoteFile) -> None:
        from starcyte.store.probe import probe_apart

        path = None
        while path is None:
            try:
                path = remote.fetch(self._tell, self._closed.is_set, None if self._dataset else self._show)
            except InputError as error:
                if self._dataset is None:
                    raise
                # what is shown stays; it may go on later
                self._late_problem = str(error)
                log.warning("%s", error)
                if self._closed.wait(_TRY_AGAIN_SECONDS):
                    return
        self._late_problem = ""
        self._tell(None, "Opening the file")
        if self._dataset is None:
            probe_apart(path, self._settings, self._closed.is_set)
            self._show(path)
        else:
            self._dataset.complete(open_dataset(path, self._settings))
        self._prepare()

    def _show(self, path: Path, part: Path | None = None) -> None:
        """Open the file; as far as it is here, where it is still a part."""
        dataset = open_dataset(path, self._settings, part)
        self.title = dataset.title
        self._dataset = dataset
        if part is not None:
            self.downloaded = 0.0
            self._done.set()

    def _prepare(self) -> None:
        """Make what genes are read from quickly."""
        from starcyte.store.index.background import BackgroundIndexing

        dataset = self._dataset
        assert dataset is not None
        if self._indexing:
            self._preparing = BackgroundIndexing(dataset, self._settings, self._turn)
            if dataset.default_matrix:
                self._preparing.want(dataset.default_matrix)
        self.message = ""

    def _tell(self, progress: float | None, message: str) -> None:
        self.progress, self.message = progress, message
        if self.downloaded is not None and progress is not None:
            self.downloaded = progress

    def dataset(self, patience: float = 0.0) -> Dataset:
        """Return the open dataset.

        Parameters
        ----------
        patience
            Seconds to wait for it.

        Raises
        ------
        DatasetLoading
            If it is not open yet.
        StarcyteError
            The reason why it cannot be opened.
        """
        if not self._done.wait(patience):
            raise DatasetLoading("The dataset is not open yet.", "Ask again in a second.")
        if self.error:
            raise self.error
        assert self._dataset is not None
        return self._dataset

    def wait(self) -> Dataset:
        """Wait until it is open, and return it; raise what kept it from opening."""
        self._done.wait()
        return self.dataset()

    def want_index(self, matrix: str) -> None:
        """Say that a matrix is used, so that its index is made if there is none."""
        if self._preparing is not None:
            self._preparing.want(matrix)

    def check_complete(self) -> None:
        """Raise DatasetLoading where not all of the file is here."""
        if self.downloaded is not None:
            raise DatasetLoading(
                f"The dataset is still being downloaded: {self.downloaded:.0%} is here.", "Ask again in a few seconds."
            )

    def wait_index(self, matrix: str, tick: Tick) -> None:
        """Wait until the index of a matrix stands, where one is made."""
        if self._preparing is not None:
            self._preparing.wait(matrix, tick)

    @property
    def indexing(self) -> Progress | None:
        """How far the index is that is being made; None where none is."""
        return self._preparing.progress if self._preparing else None

    @property
    def problems(self) -> list[str]:
        """What kept the rest of the file from coming, or indexes from being made."""
        late = [self._late_problem] if self._late_problem else []
        return [*late, *(self._preparing.problems if self._preparing else [])]

    def close(self) -> None:
        """Stop what goes on in the background, and let go of the file; one that is still opening, once it is open."""
        self._closed.set()
        if not self._done.is_set():
            return
        if self._preparing is not None:
            self._preparing.close()
        if self._dataset is not None:
            self._dataset.close()
        if self._remote is not None:
            self._remote.release()
