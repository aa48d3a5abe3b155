"""A bundle's folder -> Catalog: what the city's data is called, by whom and for what it may be asked.

The room's other pages: `storage` (catalogue values <-> stored cells) and `condition` (the small language of policy).
"""

from gateway.catalog._files import LARGEST_BUNDLE, bundle_version
from gateway.catalog.archive import ArchiveMalformed, archive_bundle, version_of_archive, write_archive
from gateway.catalog.load import load_catalog

__all__ = [
    "LARGEST_BUNDLE",
    "ArchiveMalformed",
    "archive_bundle",
    "bundle_version",
    "load_catalog",
    "version_of_archive",
    "write_archive",
]
