"""The small bundle written to a folder, as it is or with something wrong."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gateway.catalog import load_catalog
from gateway.errors import BundleInvalid, BundleProblem
from gateway.model.catalog import Catalog
from tests.unit.catalog.small_bundle import SMALL

WriteBundle = Callable[..., Path]
Problems = Callable[..., tuple[BundleProblem, ...]]


@pytest.fixture
def write_bundle(tmp_path: Path) -> WriteBundle:
    """Write the small bundle with some files replaced (None: left out)."""

    def write(files: Mapping[str, str | bytes | None] | None = None) -> Path:
        for name, content in {**SMALL, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return write


@pytest.fixture
def problems_of(write_bundle: WriteBundle) -> Problems:
    """Replace one text in one file of the small bundle; the problems that loading it tells."""

    def problems(file: str, old: str, new: str) -> tuple[BundleProblem, ...]:
        assert SMALL[file].count(old) == 1, "the test must change exactly one place"
        with pytest.raises(BundleInvalid) as caught:
            load_catalog(write_bundle({file: SMALL[file].replace(old, new)}))
        return caught.value.problems

    return problems


@pytest.fixture
def small(write_bundle: WriteBundle) -> Catalog:
    """The small bundle's catalogue."""
    return load_catalog(write_bundle())
