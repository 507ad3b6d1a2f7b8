"""A small file for each case of reading, with its expected content; anndata, numpy and h5py are the only oracles."""

from files.broken import INCONSISTENT, REFUSED
from files.case import Bad, Case, Col, Expect, Mat
from files.embeddings import EMBEDDINGS
from files.hostile import HOSTILE
from files.left_out import LEFT_OUT, LINKED
from files.legacy import LEGACY
from files.matrices import MATRICES
from files.names import NAMES
from files.odd import ODD, ODD_INCONSISTENT, ODD_REFUSED
from files.r_writers import R_WRITERS
from files.tables import TABLES

CASES: list[Case] = [*MATRICES, *TABLES, *EMBEDDINGS, *NAMES, *LEGACY, *HOSTILE, *ODD, *R_WRITERS, *LEFT_OUT, *LINKED]
BROKEN: list[Bad] = [*REFUSED, *ODD_REFUSED]
INVALID_MATRICES: list[Bad] = [*INCONSISTENT, *ODD_INCONSISTENT]

__all__ = ["BROKEN", "CASES", "INVALID_MATRICES", "Bad", "Case", "Col", "Expect", "Mat"]
