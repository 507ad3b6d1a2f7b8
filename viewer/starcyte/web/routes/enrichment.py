"""Enrichment of sets of genes among the genes of a comparison."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec import UNSET

from starcyte.compute.enrichment import ENRICHMENT_TESTS
from starcyte.errors import BadRequest
from starcyte.web.context import Context, context
from starcyte.web.contract.base import given
from starcyte.web.contract.comparison import Page
from starcyte.web.contract.enrichment import (
    EnrichmentChoices,
    EnrichmentRequest,
    EnrichmentResult,
    EnrichmentTestInfo,
    GeneSetSource,
)
from starcyte.web.contract.job import JobAnswer
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.preconditions import current_curation
from starcyte.web.responses import answer_json
from starcyte.web.routes.analysis import answer_job, asker, owner, refuse_if_disabled
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from starcyte.compute.enrichment.analysis import EnrichmentAnalysis
    from starcyte.compute.enrichment.library import Library
    from starcyte.store.dataset import Tick

routes = Routes("enrichment")


@routes.get("/enrichment", errors=READ)
def choices() -> ResponseOf[EnrichmentChoices]:
    """Return the tests of enrichment, and the libraries of gene sets."""
    from starcyte.curation.gene_set_libraries import library_files

    fields = EnrichmentTestInfo.__struct_fields__
    tests = [EnrichmentTestInfo(**{name: getattr(t, name) for name in fields}) for t in ENRICHMENT_TESTS.values()]
    files, problems = library_files(context().settings)
    return answer_json(EnrichmentChoices(tests=tests, libraries=list(files), warnings=problems))


@routes.post("/enrichment", other={202: JobAnswer}, errors=(*READ, 413), size="max_body_bytes")
def enrichment(body: EnrichmentRequest) -> ResponseOf[EnrichmentResult]:
    """Test sets of genes for enrichment among the genes of a comparison, now or as a job."""
    from starcyte.compute.enrichment.analysis import analyse_enrichment
    from starcyte.curation.gene_set_libraries import file_state

    refuse_if_disabled()
    ctx, test, n = context(), ENRICHMENT_TESTS[body.test], len(body.genes)
    known = ctx.dataset().genes(ctx.matrix(body.matrix).name)
    score = _array(body.scores, "<f8", n, "scores").astype(np.float64)
    if test.is_ranked != (body.chosen is UNSET):
        raise BadRequest(
            f"{test.label}: the test takes {'no' if test.is_ranked else 'a'} choice of genes.",
            f"{'Omit' if test.is_ranked else 'Send'} the field chosen.",
        )
    chosen = np.zeros(n, np.bool_) if body.chosen is UNSET else _array(body.chosen, "|u1", n, "chosen").astype(np.bool_)
    positions = [known.index(gene) for gene in body.genes]
    if len(set(positions)) < n:
        raise BadRequest("A gene is listed twice.", "List each tested gene once.")
    if n == 0:
        raise BadRequest("No gene was tested.", "List the tested genes.")
    sets = _own_library(ctx) if given(body.sets.own) else None
    digest = hashlib.blake2b(msgspec.json.encode(body), digest_size=16)
    if sets is not None:
        digest.update(repr((sets.names, sets.genes)).encode(errors="surrogatepass") + sets.codes.tobytes())
    elif body.sets.library is not UNSET:
        digest.update(file_state(body.sets.library, ctx.settings).encode())

    def work(tick: Tick) -> EnrichmentAnalysis:
        library = sets or _library(body.sets, ctx)
        sizes = (max(body.min_size, 1), body.max_size)
        return analyse_enrichment(
            test, library, body.genes, score, chosen, positions, known.match, body.matrix, sizes, tick
        )

    key = json.dumps(["enrichment", digest.hexdigest()])
    return answer_job(ctx.jobs.submit(key, work, owner(), "test of gene sets", asker=asker()), Page(limit=body.limit))


def _own_library(ctx: Context) -> Library:
    from starcyte.compute.enrichment.library import Library

    curation, user = current_curation()
    found = curation.gene_sets.listed(user)
    if not found:
        raise BadRequest("There are no gene sets.", "Create or import some, or choose a library.")
    return Library.of("your gene sets", ((s.name, s.description, s.genes) for s in found))


def _library(source: GeneSetSource, ctx: Context) -> Library:
    from starcyte.curation.gene_set_libraries import library_of_file, library_of_text

    if isinstance(source.gmt, str):
        return library_of_text(given(source.name) or "", source.gmt, ctx.settings)
    return library_of_file(given(source.library) or "", ctx.settings)


def _array(text: str, dtype: str, n: int, field: str) -> NDArray[np.generic]:
    """Return the values of a field, one for each gene."""
    try:
        values = np.frombuffer(base64.b64decode(text, validate=True), dtype)
    except ValueError:
        values = np.empty(0, dtype)
    if values.size != n:
        raise BadRequest(f"Field {field!r} has no value for each of {n} genes.", "Send one for each, as base64.")
    return values
