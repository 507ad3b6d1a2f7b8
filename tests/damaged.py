"""Processes that meet files that HDF5 cannot stand; what they run, by name."""

from __future__ import annotations

import os
import signal
import time

from starcyte.catalog import summary_worker as surveying
from starcyte.store.anndata.dataset import AnnDataDataset


def damaged(pipe, settings):
    """Look at files as ever, but for those whose names begin with what becomes of the process."""
    opened = AnnDataDataset.__init__

    def init(self, path, *rest):
        if path.name.startswith("crashing"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if path.name.startswith("endless"):
            time.sleep(600)
        opened(self, path, *rest)

    AnnDataDataset.__init__ = init
    surveying._child(pipe, settings)


def hanging(*_):
    """Do nothing, for ever."""
    time.sleep(600)
