"""A bundle's folder -> Catalog: what the city's data is called, by whom and for what it may be asked.

The room's other pages: `storage` (catalogue values <-> stored cells) and `condition` (the small language of policy).
"""

from gateway.catalog._files import bundle_version
from gateway.catalog.load import load_catalog

__all__ = ["bundle_version", "load_catalog"]
