"""Loom files (linnarssonlab.org/loompy, versions 2 and 3), presented as the groups and arrays of AnnData.

==========================  ==========================================================================================
in the file                 as AnnData
==========================  ==========================================================================================
``matrix``, ``layers``      X and layers, transposed: loom has a row for each gene
``col_attrs``               obs; arrays with several columns, and pairs such as ``_X``, ``_Y``, are embeddings as well
``row_attrs``               var
``CellID``, ``Gene``        their indexes
==========================  ==========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from starcyte.errors import StarcyteError
from starcyte.store.dataset import Warnings
from starcyte.store.natural_order import natural_key
from starcyte.store.nodes import Array, Group, Node, Selection

_CELLS = ("CellID", "obs_names", "CellId", "cell_id", "cell_ids", "CellName", "cell_name", "Barcode", "barcode")
_GENES = ("Gene", "var_names", "GeneName", "gene_name", "gene_names", "GeneSymbol", "Symbol", "Accession")
# the columns of an embedding that are attributes of their own: _X and _Y, tSNE_1, UMAP2, PC1, umap_x
_NUMBERED = re.compile(r"_?(?P<base>[A-Za-z][A-Za-z-]*?)[ _.-]?(?P<axis>[1-9])")
_LETTERED = re.compile(r"(?P<base>.*?)[ _.-]?(?P<axis>[XYZxyz])")
_REDUCTION = re.compile(
    r"u-?map|t-?sne|pca?|phate|force|draw_graph|diff(usion)?map|dc|lda|lsi|fdl|spring", re.IGNORECASE
)
_AXES = {"x": 1, "y": 2, "z": 3}
_NUMERIC = "fiub"
# of a column of text that is a categorical
_MOST_CATEGORIES = 1000
_TEXTS_AT_ONCE = 50_000


def is_loom(root: Group) -> bool:
    """Return whether a root group is loom."""
    matrix = root.child("matrix")
    return (
        isinstance(matrix, Array)
        and matrix.ndim == 2
        and root.group("row_attrs") is not None
        and root.group("col_attrs") is not None
    )


def as_anndata(root: Group, warnings: Warnings) -> Group:
    """Return the root group of a loom file as that of an AnnData.

    Parameters
    ----------
    root
        Its root group.
    warnings
        Gets a warning of each part that is left out.
    """
    matrix = root.array("matrix")
    n_genes, n_cells = matrix.shape
    cells, genes = (_arrays(root, name, warnings) for name in ("col_attrs", "row_attrs"))
    layers = _arrays(root, "layers", warnings)
    graphs = root.group("col_graphs")
    if graphs is not None and graphs.members():
        warnings.add(f"Graphs of cells (col_graphs) are left out: {', '.join(graphs.members())}.")
    embeddings = _embeddings(cells, n_cells, warnings)
    for place, arrays, used in (("col_attrs", cells, embeddings), ("row_attrs", genes, {})):
        for name, array in arrays.items():
            # records have a warning of their own
            if array.ndim != 1 and name not in used:
                warnings.add(f"{place} {name!r} is left out: its shape is {array.shape}.")
    for name, array in layers.items():
        if array.ndim != 2:
            warnings.add(f"layers {name!r} is left out: its shape is {array.shape}.")
    return View(
        "/",
        {
            "X": Transposed(matrix),
            "obs": _frame("/col_attrs", cells, n_cells, _CELLS, matrix),
            "var": _frame("/row_attrs", genes, n_genes, _GENES, matrix),
            "obsm": View("/col_attrs", embeddings),
            "layers": View("/layers", {name: Transposed(array) for name, array in layers.items() if array.ndim == 2}),
        },
    )


class View(Group):
    """A group that has nodes of other groups.

    Parameters
    ----------
    name
        Its name in messages.
    nodes
        Its members.
    attributes
        Its attributes.
    """

    def __init__(self, name: str, nodes: Mapping[str, Node], attributes: Mapping[str, Any] | None = None) -> None:
        super().__init__(name)
        self._nodes, self._attributes = nodes, attributes or {}

    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists."""
        return next((self._attributes[name] for name in names if name in self._attributes), None)

    def members(self) -> list[str]:
        """Return the names of the members."""
        return list(self._nodes)

    def child(self, path: str) -> Node | None:
        """Return a member; None if it does not exist."""
        if path in self._nodes:
            return self._nodes[path]
        first, slash, rest = path.partition("/")
        inner = self._nodes.get(first) if slash else None
        return inner.child(rest) if isinstance(inner, Group) else None


class Transposed(Array):
    """A matrix of genes by cells, as cells by genes.

    Parameters
    ----------
    array
        The matrix of genes by cells.
    """

    by_column = True

    def __init__(self, array: Array) -> None:
        super().__init__(array.name, array.shape[::-1], array.dtype)
        self._array, self.most_bytes = array, array.most_bytes

    def attribute(self, *names: str) -> Any:
        """Return the first of these attributes that exists."""
        return self._array.attribute(*names)

    @property
    def stored_bytes(self) -> int | None:
        """The bytes of its values in the file."""
        return self._array.stored_bytes

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """The shape of the chunks."""
        chunks = self._array.chunks
        return None if chunks is None else chunks[::-1]

    def is_text(self, field: str | None = None) -> bool:
        """Return whether the values are text."""
        return self._array.is_text(field)

    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        rows, columns = _of_two_axes(selection)
        return self._array.read((columns, rows)).T


class Stacked(Array):
    """Arrays of one axis as the columns of one array.

    Parameters
    ----------
    name
        Its name in messages.
    columns
        The arrays, of one length; or one array of compound values.
    fields
        The fields of the compound values.
    """

    def __init__(self, name: str, columns: Sequence[Array], fields: Sequence[str] = ()) -> None:
        self._columns, self._fields = columns, fields
        n = len(fields) or len(columns)
        super().__init__(name, (columns[0].shape[0], n), np.dtype(np.float64))
        self.most_bytes = columns[0].most_bytes

    def attribute(self, *names: str) -> Any:
        """Return None."""
        return None

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """None: the columns have chunks of their own."""
        return None

    def is_text(self, field: str | None = None) -> bool:
        """Return False."""
        return False

    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        rows, columns = _of_two_axes(selection)
        if isinstance(columns, int):
            return self._column(columns, rows)
        wanted = range(self.shape[1])[columns] if isinstance(columns, slice) else columns
        return np.stack([self._column(number, rows) for number in wanted], axis=-1)

    def _column(self, number: int, rows: Any) -> NDArray[Any]:
        if self._fields:
            return self._columns[0].read((rows,), field=self._fields[number]).astype(np.float64)
        return self._columns[number].read((rows,)).astype(np.float64)


class Held(Array):
    """An array in memory.

    Parameters
    ----------
    name
        Its name in messages.
    values
        The values.
    """

    def __init__(self, name: str, values: NDArray[Any]) -> None:
        super().__init__(name, values.shape, values.dtype)
        self._values = values

    def attribute(self, *names: str) -> Any:
        """Return None."""
        return None

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """None."""
        return None

    def is_text(self, field: str | None = None) -> bool:
        """Return whether the values are text."""
        return self.dtype == object

    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        return self._values[selection]


class Numbers(Array):
    """The numbers of rows as text: the index of a table that has none.

    Parameters
    ----------
    name
        Its name in messages.
    n
        The number of rows.
    matrix
        The matrix that has them: a file may claim to have more rows than it stores.
    """

    def __init__(self, name: str, n: int, matrix: Array) -> None:
        super().__init__(name, (n,), np.dtype(object))
        self._matrix = matrix

    def attribute(self, *names: str) -> Any:
        """Return None."""
        return None

    @property
    def stored_bytes(self) -> int | None:
        """The bytes of the matrix in the file."""
        return self._matrix.stored_bytes

    @property
    def chunks(self) -> tuple[int, ...] | None:
        """None."""
        return None

    def is_text(self, field: str | None = None) -> bool:
        """Return True."""
        return True

    def _read(self, selection: Selection, field: str | None) -> NDArray[Any]:
        numbers = np.arange(self.shape[0])[selection]
        return np.array(np.char.mod("%d", numbers), dtype=object)


def _of_two_axes(selection: Selection) -> tuple[Any, Any]:
    """Return the rows and the columns of a selection."""
    parts: tuple[Any, ...] = selection if isinstance(selection, tuple) else (selection,)
    both = (*parts, slice(None), slice(None))
    return both[0], both[1]


def _arrays(root: Group, name: str, warnings: Warnings) -> dict[str, Array]:
    """Return the arrays of a group by name; those that cannot be read are left out with a warning."""
    group, found = root.group(name), dict[str, Array]()
    for member in [] if group is None else group.members():
        try:
            node = None if group is None else group.child(member)
        except StarcyteError as error:
            warnings.add(f"{name} {member!r} is left out: {error}")
            continue
        if isinstance(node, Array):
            found[member] = node
        else:
            warnings.add(f"{name} {member!r} is left out: it is {'empty' if node is None else 'a group'}.")
    return found


def _frame(name: str, arrays: Mapping[str, Array], n: int, usual: Sequence[str], matrix: Array) -> View:
    """Return the attributes of rows or columns as a data frame."""
    index = next((one for one in usual if one in arrays and arrays[one].shape == (n,)), None)
    columns: dict[str, Node] = {
        one: array if one == index else _categorical(array) or array
        for one, array in arrays.items()
        if array.ndim == 1 and array.dtype.names is None
    }
    if index is None:
        index = "index" if "index" not in columns else "_index"
        columns = {**columns, index: Numbers(f"{name}/{index}", n, matrix)}
    order = np.array([one for one in columns if one != index], dtype=object)
    attributes = {"_index": index, "column-order": order, "encoding-type": "dataframe"}
    return View(name, columns, attributes)


def _categorical(array: Array) -> View | None:
    """Return a column of text as a categorical, which loom has not; None if few of its values repeat, or it is no text.

    The values are read in parts, and not kept: only their codes are.
    """
    n = array.shape[0]
    if not array.is_text() or not n:
        return None
    found: dict[str, int] = {}
    codes = np.empty(n, np.int32)
    try:
        array.check_claim(n, 1, at_once=False)
        for start in range(0, n, _TEXTS_AT_ONCE):
            texts = array.read_text(slice(start, start + _TEXTS_AT_ONCE)).tolist()
            codes[start : start + len(texts)] = [found.setdefault(text, len(found)) for text in texts]
            if len(found) > min(_MOST_CATEGORIES, max(n // 2, 1)):
                return None
    except StarcyteError:
        return None  # the error is that of the request for the column
    names = sorted(found, key=natural_key)
    place = np.empty(len(names), np.min_scalar_type(-len(names)))
    for code, text in enumerate(names):
        place[found[text]] = code
    categories = np.empty(len(names), object)
    categories[:] = names
    nodes = {
        "codes": Held(f"{array.name}/codes", place[codes]),
        "categories": Held(f"{array.name}/categories", categories),
    }
    return View(array.name, nodes, {"encoding-type": "categorical", "ordered": False})


def _embeddings(arrays: Mapping[str, Array], n: int, warnings: Warnings) -> dict[str, Array]:
    """Return the embeddings: arrays of several columns, compound pairs, and columns that belong together by name."""
    found: dict[str, Array] = {}
    axes: dict[str, dict[int, Array]] = {}
    for name, array in arrays.items():
        if array.shape[:1] != (n,):
            continue
        if array.ndim == 2 and array.shape[1] > 1 and array.dtype.kind in _NUMERIC:
            found[name] = array
        elif array.ndim == 1 and array.dtype.names is not None:
            fields = array.dtype.names
            if 2 <= len(fields) <= 3 and all(array.dtype[field].kind in _NUMERIC for field in fields):
                found[name] = Stacked(array.name, [array], fields)
            else:
                warnings.add(f"col_attrs {name!r} is left out: its values are records of {len(fields)} fields.")
        elif array.ndim == 1 and array.dtype.kind in _NUMERIC:
            base, axis = _axis(name)
            if axis:
                axes.setdefault(base, {})[axis] = array
    for base, columns in axes.items():
        if set(columns) == set(range(1, len(columns) + 1)) and len(columns) > 1 and base not in found:
            found[base] = Stacked(f"/col_attrs/{base}", [columns[axis] for axis in sorted(columns)])
    return found


def _axis(name: str) -> tuple[str, int]:
    """Return the embedding that a column is an axis of, and which; 0 if it is none."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered and _REDUCTION.fullmatch(numbered["base"]):
        return numbered["base"], int(numbered["axis"])
    lettered = _LETTERED.fullmatch(name)
    if lettered and (lettered["base"].strip("_") == "" or _REDUCTION.fullmatch(lettered["base"].strip("_"))):
        return lettered["base"].strip("_") or "XY", _AXES[lettered["axis"].lower()]
    return name, 0
