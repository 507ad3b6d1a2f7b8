"""Many datasets: their list, and the status of their server."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from starcyte.web.contract.base import Answer, Count, Fraction
from starcyte.web.contract.error import Error
from starcyte.web.contract.login import RoleName

DatasetId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,80}$", description="Id of the dataset")]
Html = Annotated[str, Meta(description="HTML, sanitised")]


class CatalogDataset(Answer):
    """A dataset of the catalog."""

    id: str
    url: Annotated[str, Meta(description="Its page, relative to the catalog's")]
    title: str
    place: Annotated[str, Meta(description="Its path in the folder, or its URL")]
    description: Html
    state: Literal["waiting", "opening", "indexing", "ready", "error"]
    progress: Fraction | None
    message: str
    error: Error | None
    open: bool
    role: RoleName
    size: Annotated[Count | None, Meta(description="Bytes")]
    modified: Annotated[float | None, Meta(description="Seconds since 1970")]
    n_obs: Count | None
    n_vars: Count | None
    organism: list[str]
    tissue: list[str]
    thumbnail: Annotated[str | None, Meta(description="URL, relative to the catalog's page")]


class Catalog(Answer):
    """The datasets that the user may read."""

    title: str
    description: Html
    version: str
    complete: Annotated[bool, Meta(description="False until all files have been found once")]
    role: RoleName
    datasets: list[CatalogDataset]
