"""Prepared stores of files."""

from __future__ import annotations

from pathlib import Path

from starcyte.settings import Settings
from starcyte.store.dataset import no_tick
from starcyte.store.open import open_dataset
from starcyte.store.write.prepared.prepare import prepare_store


def prepared_store(source: Path, target: Path, settings: Settings | None = None) -> list[str]:
    """Write a prepared store of a file with all of its matrices, and return the warnings."""
    settings = settings or Settings()
    dataset = open_dataset(source, settings)
    try:
        return prepare_store(dataset, target, [m.name for m in dataset.matrices], settings, lambda step: no_tick)
    finally:
        dataset.close()
