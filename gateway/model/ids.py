"""Names that can't be swapped: each identifier is a type of its own (they are all strings)."""

from typing import NewType

AppId = NewType("AppId", str)
"""A registered application, e.g. `community-desk`."""
CaseId = NewType("CaseId", str)
DatasetName = NewType("DatasetName", str)
"""`department.dataset`, e.g. `civil-affairs.assistance`."""
DepartmentName = NewType("DepartmentName", str)
FieldName = NewType("FieldName", str)
"""A field of a dataset as the catalog names it, e.g. `id_number`."""
MaskName = NewType("MaskName", str)
"""A mask as masks.yaml names it, e.g. `partial`; `clear` is not a mask."""
PolicyVersion = NewType("PolicyVersion", str)
"""Content hash of a bundle: 64 lower-case hex digits."""
PrincipalId = NewType("PrincipalId", str)
PurposeId = NewType("PurposeId", str)
"""A purpose without its prefix, e.g. `home-visit` (rules write `pur:home-visit`)."""
RegionCode = NewType("RegionCode", str)
"""Statistical division code: 2, 4, 6, 9 or 12 digits; covers every code that begins with its digits."""
RoleName = NewType("RoleName", str)
"""A role without its prefix, e.g. `community/grid-worker` (rules write `role:community/grid-worker`)."""
RuleId = NewType("RuleId", str)
SourceName = NewType("SourceName", str)
"""A configured source, e.g. `civil-db`."""
TermName = NewType("TermName", str)
"""A standard data element, e.g. `person.id_number`."""
