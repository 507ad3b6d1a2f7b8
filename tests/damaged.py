"""Processes that meet files that HDF5 cannot stand; what they run, by name."""

from __future__ import annotations

import os
import signal
import time

from starcyte.compute import surveying
from starcyte.store.h5ad import H5adDataset


def damaged(pipe, settings):
    """Look at files as ever, but for those whose names begin with what becomes of the process."""
    opened = H5adDataset.__init__

    def init(self, path, *rest):
        if path.name.startswith("crashing"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if path.name.startswith("endless"):
            time.sleep(600)
        opened(self, path, *rest)

    H5adDataset.__init__ = init
    surveying._child(pipe, settings)


def hanging(*_):
    """Do nothing, for ever."""
    time.sleep(600)
