"""The command ``starcyte`` with one of its parts slowed down: ``python slowed.py PART launch ...``."""

import sys
import time

from starcyte import cli
from starcyte.compute import diffexp
from starcyte.store.anndata.dataset import AnnDataDataset
from starcyte.store.index.indexed_matrix import IndexedMatrix


def begun():
    sys.stdout.write("slowed.py: begun\n")
    sys.stdout.flush()


def until_told(tick):
    """Work for ever, in steps."""
    begun()
    while True:
        tick(0.5)
        time.sleep(0.01)


def slow_opening(*args, wrapped=AnnDataDataset.__init__, **kwargs):
    begun()
    time.sleep(1.5)
    wrapped(*args, **kwargs)


def slow_embedding(self, name, dims, *, wrapped=AnnDataDataset.embedding):
    begun()
    time.sleep(120 if name == "X_pca" else 0.15)
    return wrapped(self, name, dims)


part = sys.argv.pop(1)
if part == "opening":
    AnnDataDataset.__init__ = slow_opening
elif part == "embedding":
    AnnDataDataset.embedding = slow_embedding
elif part == "gene":
    IndexedMatrix.column = lambda self, index, tick: until_told(tick)
elif part == "comparison":
    diffexp.compare = lambda *given, **_: until_told(next(each for each in given if callable(each)))
else:
    raise SystemExit(f"there is no part {part!r}")
sys.exit(cli.main())
