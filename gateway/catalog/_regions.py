"""regions.csv -> statistical divisions, each with the parent that its code begins with."""

import csv
import io

from gateway.catalog._faults import Faults
from gateway.model.catalog import Region
from gateway.model.ids import RegionCode

FILE = "regions.csv"
HEADER = ["code", "name", "level", "parent"]
_LEVELS = {2: "province", 4: "prefecture", 6: "county", 9: "street", 12: "community"}
_PARENT_DIGITS = {2: 0, 4: 2, 6: 4, 9: 6, 12: 9}


def read_regions(text: str, faults: Faults) -> dict[RegionCode, Region]:
    """All divisions; codes, levels and parents agree."""
    regions: dict[RegionCode, Region] = {}
    lines: dict[RegionCode, int] = {}
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        if next(rows, None) != HEADER:
            faults.add(FILE, 1, "the first line is not the header", "write " + ",".join(HEADER))
            return {}
        for row in rows:
            region = _region(row, rows.line_num, faults)
            if region is None:
                continue
            if region.code in regions:
                faults.add(FILE, rows.line_num, f"the region {region.code} stands here twice", "keep one line")
            regions[region.code] = region
            lines[region.code] = rows.line_num
    except csv.Error:
        faults.add(FILE, rows.line_num, "this is no CSV", "quote names that hold commas or quotes")
    for region in regions.values():
        if region.parent is not None and region.parent not in regions:
            faults.add(FILE, lines[region.code], f"the parent {region.parent} is not listed", "add its line")
    return regions


def _region(row: list[str], line: int, faults: Faults) -> Region | None:
    if len(row) != len(HEADER):
        faults.add(FILE, line, f"{len(row)} columns instead of {len(HEADER)}", "write " + ",".join(HEADER))
        return None
    code, name, level, parent = row
    if not (code.isascii() and code.isdigit() and len(code) in _LEVELS):
        faults.add(FILE, line, "the code is not 2, 4, 6, 9 or 12 digits", "write the statistical division code")
        return None
    if level != _LEVELS[len(code)]:
        faults.add(FILE, line, f"the level of {code} is not `{level[:20]}`", f"write {_LEVELS[len(code)]}")
    above = code[: _PARENT_DIGITS[len(code)]]
    if parent != above:
        faults.add(FILE, line, f"the parent of {code} is not `{parent[:20]}`", f"write {above or 'nothing'}")
    if not name.strip() or not name.isprintable() or len(name) > 100:
        faults.add(FILE, line, f"the name of {code} is empty or holds control characters", "write its name")
    return Region(code=RegionCode(code), name=name, parent=RegionCode(above) if above else None)
