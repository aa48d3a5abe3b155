"""Each detector: what it tells and what it doesn't, its bounds, and that each finding is made again from its range."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.administration.flags import flag_sentences
from gateway.audit.detectors import (
    DETECTORS,
    Detector,
    Finding,
    Memory,
    build_detector,
    build_detectors,
    explain_finding,
    find_again,
    look,
)
from gateway.audit.detectors._days import median, usual
from gateway.errors import SettingsInvalid
from gateway.model.audit import AuditEntry, DecisionTrace, EntryKind
from tests.audit_logs import entry

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)  # 10:00 in Hangzhou
ANNE, PERSON = "worker-1", "ab" * 16


def read(day: int = 0, *, rows: int = 1, who: str = ANNE, hour: float = 0, **changes: Any) -> AuditEntry:
    return entry(principal=who, rows=rows, at=MONDAY + timedelta(days=day, hours=hour), **changes)


def run(detector: Detector, entries: Iterable[AuditEntry]) -> list[Finding]:
    memories: dict[str, dict[str, object]] = {}
    found: list[Finding] = []
    for index, one in enumerate(entries):
        key = detector.key(one)
        if key is not None:
            # as it is kept between two passes
            memory = json.loads(json.dumps(memories.get(key, {})))
            memories[key], more = look(detector, memory, index, one)
            found += more
    return found


def checked(detector: Detector, entries: list[AuditEntry]) -> list[Finding]:
    """What is found; each is found again, read back from its log entry, from its own range."""
    found = run(detector, entries)
    for finding in found:
        told = Finding.read(finding.detail())
        assert told is not None
        again = find_again(told, list(enumerate(entries))[finding.first : finding.last + 1])
        assert again is not None
        assert again.detail() == finding.detail()
        for language in ("zh", "en"):
            assert "{" not in explain_finding(told, language)
    return found


# ---------------------------------------------------------------------- volume
def test_a_day_far_above_ones_own_is_told_once_with_its_numbers() -> None:
    days = [read(day, rows=rows) for day, rows in enumerate((90, 110, 100, 100, 120))]
    burst = [read(7, rows=200), read(7, rows=200, hour=1), read(7, rows=900, hour=2)]
    (finding,) = checked(build_detector("volume", {}), days + burst)
    assert (finding.first, finding.last, finding.principal) == (0, 6, ANNE)
    assert finding.figures == {"day": "2026-11-30", "rows": 400, "days": 5, "median": 100, "limit": 300}
    assert explain_finding(finding, "en").startswith("worker-1 had received 400 rows on 2026-11-30 by entry 6;")
    assert "中位数为 100 行" in explain_finding(finding, "zh")


@pytest.mark.parametrize(
    "entries",
    [
        [read(day, rows=1_000) for day in range(40)],  # always much
        [read(day, rows=1) for day in range(10)] + [read(11, rows=299)],  # not much
        [read(day, rows=1) for day in range(4)] + [read(11, rows=9_999)],  # too little is known
        [*(read(day, rows=1) for day in range(9)), read(11, rows=9_999, outcome="refused")],  # nothing left
        [*(read(day, rows=1) for day in range(9)), read(11, rows=9_999, who="worker-2")],  # another person
    ],
)
def test_what_is_usual_for_a_person_is_not_told(entries: list[AuditEntry]) -> None:
    assert checked(build_detector("volume", {}), entries) == []


def test_the_limit_is_the_median_and_six_robust_deviations_exactly() -> None:
    values = [100, 200, 300, 400, 500]
    assert median(values) == 300
    assert usual(values, deviations=6, least=1) == (300, int(Fraction(300) + 6 * Fraction(14826, 10000) * 100))
    assert usual([7, 7, 7, 7], deviations=6, least=1) == (7, 14)
    assert usual([1, 2], deviations=6, least=50) == (1, 50)


# ---------------------------------------------------------------------- peers
def test_a_newcomer_far_above_the_peers_is_told() -> None:
    days = [read(day, rows=40 + number, who=f"peer-{number}") for day in range(3) for number in range(4)]
    others = [read(3, rows=2_000, who="elsewhere", organisation="another")]
    (finding,) = checked(build_detector("peers", {}), [*days, *others, read(3, rows=5_000)])
    assert finding.principal == ANNE
    assert finding.figures["people"] == 4
    assert (finding.first, finding.last) == (0, 13)


def test_two_peers_are_too_few_and_who_has_no_organisation_has_none() -> None:
    few = [read(day, rows=4, who=f"peer-{number}") for day in range(3) for number in range(2)]
    assert checked(build_detector("peers", {}), [*few, read(3, rows=5_000)]) == []
    lone = [read(day, rows=4, who=f"peer-{number}", organisation="") for day in range(3) for number in range(5)]
    assert checked(build_detector("peers", {}), [*lone, read(3, rows=5_000, organisation="")]) == []


# ---------------------------------------------------------------------- off hours
@pytest.mark.parametrize(
    ("hour", "day", "is_told"),
    [(-3.01, 0, True), (-3, 0, False), (9.98, 0, False), (10, 0, True), (0, 5, True), (0, 6, True), (0, 7, False)],
)
def test_hours_are_those_of_the_place_and_end_exactly(hour: float, day: int, is_told: bool) -> None:
    """02:00 UTC is 10:00 in Hangzhou; work is from 07:00 to 20:00 from Monday to Friday."""
    assert bool(checked(build_detector("off-hours", {}), [read(day, hour=hour)])) == is_told


def test_a_purpose_has_hours_of_its_own() -> None:
    night = [read(hour=14, purpose="break-glass"), read(5, purpose="break-glass"), read(hour=14, purpose="own-data")]
    assert checked(build_detector("off-hours", {}), night) == []
    detector = build_detector("off-hours", {"purposes": {"home-visit": "09:00-21:00"}})
    assert len(checked(detector, [read(5), read(5, hour=10), read(5, hour=11), read(5, hour=12)])) == 1


def test_off_hours_are_told_once_a_person_purpose_and_day() -> None:
    night = [read(day, hour=11 + each, purpose=purpose) for day in (0, 1) for purpose in "ab" for each in (0, 1)]
    assert len(checked(build_detector("off-hours", {}), night)) == 4


# ---------------------------------------------------------------------- territory
def under(*regions: str) -> DecisionTrace:
    return DecisionTrace(
        decided_at=MONDAY, regions=regions, assurance=2, network="", id_number=None, case=None, starred=False,
        not_shown=(), row_rules=(), obligations=(), sha256="",
    )  # fmt: skip


def test_a_region_that_no_day_before_covers_is_told() -> None:
    days = [read(day, decision=under("330102001")) for day in range(4)]
    strange = read(7, decision=under("330102001", "330114"))
    (finding,) = checked(build_detector("territory", {}), [*days, strange, strange])
    assert finding.figures == {"day": "2026-11-30", "region": "330114", "days": 4, "known": "330102001"}
    within = read(7, decision=under("330102001005"))
    assert checked(build_detector("territory", {}), [*days, within]) == []
    assert checked(build_detector("territory", {}), [*days, read(7, decision=None)]) == []


# ---------------------------------------------------------------------- repeated
def test_the_eleventh_look_up_of_one_person_in_a_week_is_told() -> None:
    looks = [read(day % 6, subjects=(PERSON,), hour=day / 100) for day in range(11)]
    between = [read(1, subjects=(f"{number:032x}",)) for number in range(50)]
    detector = build_detector("repeated", {})
    assert checked(detector, looks[:10] + between) == []
    (finding,) = checked(detector, between + looks[:10] + between + looks[10:])
    assert (finding.first, finding.last) == (50, 110)
    assert finding.figures == {"subject": PERSON, "times": 11, "days": 7, "limit": 10}
    assert PERSON not in explain_finding(finding, "en")


def test_a_list_is_no_look_up_and_a_week_later_counting_begins_anew() -> None:
    detector = build_detector("repeated", {})
    crowd = tuple(f"{number:032x}" for number in range(6))
    assert checked(detector, [read(subjects=crowd) for _ in range(30)]) == []
    assert checked(detector, [read(day, subjects=(PERSON,)) for day in range(40)]) == []
    two = checked(detector, [read(subjects=(PERSON, "cd" * 16)) for _ in range(11)])
    assert len({finding.id for finding in two}) == 2


def test_nobody_can_make_the_memory_grow_without_end() -> None:
    detector = build_detector("repeated", {"most_kept": 50})
    memory: Memory = {}
    for number in range(500):
        memory, _ = look(detector, memory, number, read(subjects=(f"{number:032x}",)))
        assert len(memory) <= 51  # and the day of the last clearing
    memory, _ = look(detector, memory, 500, read(8, subjects=(PERSON,)))
    assert list(memory) == [PERSON]


# ---------------------------------------------------------------------- refusals
def refusal(seconds: int, who: str = ANNE, **changes: Any) -> AuditEntry:
    at = MONDAY + timedelta(seconds=seconds)
    changes = {"kind": EntryKind.REFUSAL, "outcome": "refused", "code": "GW401"} | changes
    return entry(principal=who, at=at, **changes)


def test_twenty_refusals_within_ten_minutes_are_a_burst() -> None:
    detector = build_detector("refusals", {})
    (finding,) = checked(detector, [refusal(second * 30) for second in range(20)])
    assert (finding.first, finding.last) == (0, 19)
    assert finding.figures == {"times": 20, "minutes": 10, "code": "GW401"}
    assert checked(detector, [refusal(second * 32) for second in range(100)]) == []
    flood = checked(detector, [refusal(second) for second in range(3_700)])
    assert [finding.last for finding in flood] == [19, 3_638], "a flood of refusals is no flood of flags"
    assert len(checked(build_detector("refusals", {"quiet_minutes": 0}), [refusal(s) for s in range(60)])) == 3
    assert checked(detector, [refusal(second, outcome="failed") for second in range(60)]) == []


def test_who_could_not_be_authenticated_is_told_as_such() -> None:
    (finding,) = checked(build_detector("refusals", {}), [refusal(second, "") for second in range(20)])
    assert explain_finding(finding, "en").startswith("somebody who could not be authenticated was refused 20 times")


# ---------------------------------------------------------------------- canary
def test_every_entry_about_a_canary_is_told_but_the_desks_own() -> None:
    detector = build_detector("canary", {"subjects": [PERSON, "cd" * 16]})
    entries = [
        read(subjects=("ef" * 16, PERSON)),
        read(subjects=("ef" * 16,)),
        entry(kind=EntryKind.CASE, subjects=(PERSON, "cd" * 16)),
        entry(kind=EntryKind.REVIEW, subjects=(PERSON,)),
    ]
    found = checked(detector, entries)
    assert [(finding.last, finding.figures["subject"]) for finding in found] == [
        (0, PERSON),
        (2, PERSON),
        (2, "cd" * 16),
    ]
    assert all(len(finding.parameters["subjects"]) == 1 for finding in found), "a flag tells of no other canary"


# ---------------------------------------------------------------------- the room
def test_the_folder_is_the_registry() -> None:
    assert set(DETECTORS) == {"canary", "off-hours", "peers", "refusals", "repeated", "territory", "volume"}
    assert {detector.name for detector in build_detectors("Asia/Shanghai", {})} == set(DETECTORS)


@pytest.mark.parametrize(
    "parameters",
    [
        {"nonsense": {}}, {"volume": {"dayz": 3}}, {"volume": {"days": 0}}, {"volume": {"days": "many"}},
        {"off-hours": {"hours": "20:00-07:00"}}, {"off-hours": {"weekdays": [8]}}, {"canary": {"subjects": [PERSON]}},
        {"refusals": {"most": 100_000}},
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense_stop_the_start(parameters: dict[str, dict[str, object]]) -> None:
    with pytest.raises(SettingsInvalid):
        build_detectors("Asia/Shanghai", parameters)
    with pytest.raises(SettingsInvalid):
        build_detectors("Asia/Atlantis", {})


@pytest.mark.parametrize(
    "detail", ["", "flag matches-limit purpose home-visit limit 50", "flag volume f-0123456789abcdef {}"]
)
def test_another_flags_detail_is_no_finding(detail: str) -> None:
    assert Finding.read(detail) is None


def test_a_flag_of_a_detector_that_is_gone_is_told_still() -> None:
    (finding,) = run(build_detector("refusals", {}), [refusal(second) for second in range(20)])
    for other in (replace(finding, detector="of-old"), replace(finding, figures={})):
        en, zh = flag_sentences(other.detail(), Finding.read(other.detail()))
        assert other.detector in en
        assert other.detector in zh


def test_a_finding_that_was_changed_is_not_taken() -> None:
    (finding,) = run(build_detector("refusals", {}), [refusal(second) for second in range(20)])
    assert Finding.read(finding.detail().replace('"times":20', '"times":21')) is None
    forged = replace(finding, figures=dict(finding.figures) | {"times": 21})
    assert find_again(forged, enumerate(refusal(second) for second in range(20))) is None


WORK = st.lists(
    st.tuples(
        st.integers(0, 12), st.sampled_from(["a", "b", "c", "d"]), st.sampled_from([1, 30, 400]), st.integers(0, 23),
        st.sampled_from([PERSON, "cd" * 16]), st.sampled_from(["3301", "330102", "3302"]), st.booleans(),
    ),
    max_size=80,
)  # fmt: skip
EAGER: dict[str, dict[str, object]] = {
    "volume": {"least_days": 1, "least_rows": 2, "deviations": 1, "days": 3},
    "peers": {"least_people": 1, "least_rows": 2, "deviations": 1, "days": 2, "most_people": 3},
    "repeated": {"most_times": 1, "days": 2, "most_kept": 1},
    "territory": {"least_days": 1, "days": 2},
    "refusals": {"most": 2, "minutes": 600, "quiet_minutes": 90},
}


@settings(max_examples=60, deadline=None)
@given(WORK)
def test_whatever_is_found_is_found_again(work: list[tuple[int, str, int, int, str, str, bool]]) -> None:
    """With memories as small as can be, on days in any order."""
    make: Callable[[tuple[int, str, int, int, str, str, bool]], AuditEntry] = lambda one: (  # noqa: E731
        read(one[0], who=one[1], rows=one[2], hour=one[3], subjects=(one[4],), decision=under(one[5]))
        if one[6]
        else refusal(one[0] * 3600, one[1])
    )
    entries = list(map(make, work))
    canaries = build_detector("canary", {"subjects": [PERSON]})
    for detector in (*build_detectors("Asia/Shanghai", EAGER), canaries):
        checked(detector, entries)
