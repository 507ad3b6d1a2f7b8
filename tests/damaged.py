"""Main functions of processes that open files by name: some crash the process, some keep it busy forever."""

from __future__ import annotations

import os
import signal
import time

from starcyte.catalog.summary_worker import answer_requests
from starcyte.store.anndata.dataset import AnnDataDataset


def damaged(pipe, settings):
    """Compute summaries, but crash on files whose names begin with crashing, and hang on those with endless."""
    opened = AnnDataDataset.__init__

    def init(self, path, *rest, **options):
        if path.name.startswith("crashing"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if path.name.startswith("endless"):
            time.sleep(600)
        opened(self, path, *rest, **options)

    AnnDataDataset.__init__ = init
    answer_requests(pipe, settings)


def hanging(*_):
    """Hang."""
    time.sleep(600)
