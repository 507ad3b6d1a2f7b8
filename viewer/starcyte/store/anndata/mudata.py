"""MuData: files of several modalities, which are recognised and refused."""

from __future__ import annotations

from starcyte.errors import DatasetInvalid
from starcyte.store.nodes import Group


def refuse_mudata(name: str, root: Group) -> None:
    """Refuse a file of several modalities.

    Parameters
    ----------
    name
        The name of the file.
    root
        Its root group.

    Raises
    ------
    DatasetInvalid
        If it is MuData.
    """
    modalities = root.group("mod")
    if modalities is None or (root.text_attribute("encoding-type") != "MuData" and root.child("X") is not None):
        return
    names = modalities.members()
    first = "rna" if "rna" in names or not names else names[0]
    raise DatasetInvalid(
        f"{name!r} is MuData, several modalities in one file: {', '.join(names) or 'none'}.",
        f"Write one of them as .h5ad, in Python: mudata.read_h5mu({name!r})[{first!r}].write_h5ad({first + '.h5ad'!r})",
    )
