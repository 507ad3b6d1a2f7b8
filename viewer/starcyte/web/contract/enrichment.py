"""Enrichment of sets of genes in a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from msgspec import UNSET, Meta, UnsetType

from starcyte.compute.enrichment import ENRICHMENT_TESTS
from starcyte.web.contract.base import REGISTERED, Answer, Count, Name, OneOf, Request
from starcyte.web.contract.columns import MatrixName

if TYPE_CHECKING:
    TestId: TypeAlias = str
else:
    # the registry lists the choices
    TestId = Annotated[Literal[tuple(ENRICHMENT_TESTS)], REGISTERED]

_DEFAULT = next(iter(ENRICHMENT_TESTS))
_BASE64 = r"^[A-Za-z0-9+/]*={0,2}$"


class EnrichmentTestInfo(Answer):
    """A test of enrichment."""

    id: TestId
    label: str
    name: Annotated[str, Meta(description="As in a sentence")]
    description: str
    effect: Annotated[str, Meta(description="What the effect of a set is")]
    is_ranked: Annotated[bool, Meta(description="Takes the order of all genes, not a choice of them")]


class EnrichmentChoices(Answer):
    """The tests of enrichment, and the libraries of gene sets of this server."""

    tests: list[EnrichmentTestInfo]
    libraries: list[str]
    warnings: Annotated[list[str], Meta(description="Libraries that cannot be read")]


class GeneSetSource(OneOf):
    """Where the gene sets are from."""

    COMPANIONS: ClassVar = {"name": frozenset({"gmt"})}

    own: Annotated[Literal[True], Meta(description="The gene sets of the user")] | UnsetType = UNSET
    library: Annotated[Name, Meta(description="A library of this server")] | UnsetType = UNSET
    gmt: Annotated[str, Meta(description="A file of the user: GMT, or another table of gene sets")] | UnsetType = UNSET
    name: Annotated[Name, Meta(description="The name of the user's file")] | UnsetType = UNSET


class EnrichmentRequest(Request):
    """Tested genes with their scores, and the sets to look for."""

    sets: GeneSetSource
    genes: Annotated[list[str], Meta(description="The genes that were tested, in any order")]
    scores: Annotated[
        str,
        Meta(
            pattern=_BASE64,
            description="The score of each gene, such as a t-statistic, above 0 if it is higher in A: float64, little"
            " endian, as base64",
        ),
    ]
    chosen: (
        Annotated[
            str,
            Meta(
                pattern=_BASE64,
                description="Whether each gene is taken for changed: bytes of 0 and 1 as base64; of a test that is not"
                " ranked",
            ),
        ]
        | UnsetType
    ) = UNSET
    test: TestId = _DEFAULT
    matrix: MatrixName = "X"
    min_size: Annotated[Count, Meta(description="Sets with fewer tested genes are left out")] = 10
    max_size: Annotated[Count, Meta(description="Sets with more tested genes are left out")] = 500
    limit: Annotated[Count, Meta(description="At most so many sets, the best first")] = 200


class EnrichedSet(Answer):
    """A set of genes; a number that is undefined is null."""

    name: str
    description: str
    size: Annotated[Count, Meta(description="Its genes that were tested")]
    effect: float | None
    score: Annotated[float | None, Meta(description="The running sum’s largest deviation, of a ranked test")]
    p_value: float
    p_adjusted: Annotated[float, Meta(description="By Benjamini and Hochberg, for all sets that were tested")]
    at_floor: Annotated[bool, Meta(description="No permutation reached the score: p may be smaller")]
    genes: Annotated[list[str], Meta(description="The genes that make the result, the highest score first")]
    ranks: Annotated[list[Count], Meta(description="The ranks of all its genes from 0, the highest score first")]


class EnrichmentResult(Answer):
    """The sets by increasing p-value."""

    test: TestId
    library: str
    matrix: str
    n_genes: Annotated[Count, Meta(description="Genes that were tested")]
    n_chosen: Annotated[Count, Meta(description="Genes that are taken for changed")]
    n_sets: Annotated[Count, Meta(description="Sets that were tested; the job has all of them as CSV")]
    n_left_out: Annotated[Count, Meta(description="Sets with too few or too many tested genes")]
    min_size: Count
    max_size: Count
    warnings: list[str]
    sets: list[EnrichedSet]
    fingerprint: str
    job_id: str
