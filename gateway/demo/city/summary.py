"""What was made, and the people whose stories the demo tells. Everybody is synthetic; reprs still show no person."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

_FILE = "city.json"
_FORMAT = 1  # raise it when the generator makes another city of the same seed


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingPerson:
    """A resident that a scene is about; the name is public security's."""

    id_number: str = field(repr=False)
    name: str = field(repr=False)
    street_code: str
    community_code: str
    community_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LowIncomeFamily:
    """A family on allowance: its numbers at public security, civil affairs and market regulation."""

    household_no: str
    member_id_numbers: tuple[str, ...] = field(repr=False)  # the applicant's first
    case_no: str
    credit_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedGroup:
    """Residents of one community in one age band: how many there are in public security's register."""

    street_code: str
    community_code: str
    community_name: str
    age_band: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CitySummary:
    """Counts by catalogue name of the dataset, and who the scenes are about."""

    seed: int
    residents: int
    households: int
    communities: int
    rows: Mapping[str, int]
    lonely_elder: TellingPerson  # elderly, alone, with a need and somebody to call, in 闸弄口街道
    neighbour: TellingPerson  # a resident of another community of the same street
    low_income_member: TellingPerson  # of Shangcheng: on allowance, and the legal person of a business
    low_income_family: LowIncomeFamily  # that person's
    transport_patient: TellingPerson  # of 白杨街道: booked for a vaccination, needs a car
    transport_appointment_no: str  # that person's one appointment
    small_group: CountedGroup  # exactly two residents, in Shangcheng
    large_group: CountedGroup  # the largest group of that community


def write_summary(folder: Path, summary: CitySummary) -> None:
    """Put the summary beside the sources: the last file of a whole city."""
    text = json.dumps({"format": _FORMAT, **asdict(summary)}, ensure_ascii=False, indent=1)
    (folder / _FILE).write_text(text + "\n", encoding="utf-8")


def forget_summary(folder: Path) -> None:
    """Take it away: what is in the folder is about to change."""
    (folder / _FILE).unlink(missing_ok=True)


def read_summary(folder: Path) -> CitySummary | None:
    """The summary of the city in the folder; None where there is no whole city of this generator."""
    try:
        found: dict[str, Any] = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if found.pop("format") != _FORMAT:
            return None
        family: dict[str, Any] = found.pop("low_income_family")
        family["member_id_numbers"] = tuple(family["member_id_numbers"])
        for name in ("lonely_elder", "neighbour", "low_income_member", "transport_patient"):
            found[name] = TellingPerson(**found[name])
        for name in ("small_group", "large_group"):
            found[name] = CountedGroup(**found[name])
        return CitySummary(low_income_family=LowIncomeFamily(**family), **found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
