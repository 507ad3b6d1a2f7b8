"""Enrichment: sets of genes among the genes of a comparison, and ENRICHMENT_TESTS, the registry of the tests."""

from __future__ import annotations

from collections.abc import Mapping

from starcyte.compute.enrichment import overrepresentation, ranked
from starcyte.compute.enrichment.test import EnrichmentTest

#: The tests by their id; the first is the default
ENRICHMENT_TESTS: Mapping[str, EnrichmentTest] = {found.id: found for found in (overrepresentation.TEST, ranked.TEST)}
