"""The demo city: the same bytes for a seed, valid numbers, plausible households, small disagreements."""

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from gateway.catalog.identifiers import gb11714_check, is_gb11643, is_gb32100
from gateway.demo.city import (
    CIVIL_FILE,
    ENVIRONMENT_FOLDER,
    HEALTH_FILE,
    LEDGER_FILE,
    MARKET_FILE,
    POLICE_FILE,
    CitySummary,
    build_city,
    read_summary,
)
from gateway.demo.city.people import REFERENCE_DAY, age_band, age_on

_ROOT = Path(__file__).parents[3]
_REGIONS = _ROOT / "policies" / "regions.csv"
_RESIDENTS = 2_000


def _quiet(stage: str, done: int, total: int) -> None:
    assert 0 < done <= total, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    folder: Path
    summary: CitySummary

    def ask(self, file: str, sql: str, *values: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / file)) as database:
            for name in (POLICE_FILE, CIVIL_FILE, HEALTH_FILE, LEDGER_FILE, MARKET_FILE):
                database.execute("ATTACH ? AS ?", (str(self.folder / name), name.removesuffix(".db")))
            return database.execute(sql, values).fetchall()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("city")
    return City(folder=folder, summary=build_city(folder, _REGIONS, _RESIDENTS, 7, _quiet))


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_one_seed_gives_the_same_bytes_in_every_file(city: City, tmp_path: Path) -> None:
    again = build_city(tmp_path / "again", _REGIONS, _RESIDENTS, 7, _quiet)
    assert again == city.summary
    assert _digests(tmp_path / "again") == _digests(city.folder)
    assert len(_digests(city.folder)) == 9


def test_building_over_an_older_city_leaves_nothing_of_it(city: City, tmp_path: Path) -> None:
    build_city(tmp_path, _REGIONS, 1_000, 8, _quiet)
    build_city(tmp_path, _REGIONS, _RESIDENTS, 7, _quiet)
    assert _digests(tmp_path) == _digests(city.folder)


def test_another_seed_gives_another_city(city: City, tmp_path: Path) -> None:
    build_city(tmp_path, _REGIONS, _RESIDENTS, 8, _quiet)
    ours, theirs = _digests(city.folder), _digests(tmp_path)
    assert ours.keys() == theirs.keys()
    assert all(ours[name] != theirs[name] for name in ours)


@pytest.mark.parametrize("seed", range(20, 26))
def test_the_smallest_city_has_people_for_every_scene(tmp_path: Path, seed: int) -> None:
    summary = build_city(tmp_path, _REGIONS, 1_000, seed, _quiet)
    assert summary.rows["public-security.resident"] == 1_000


@pytest.mark.parametrize("residents", [-1, 0, 999, 1_000_001])
def test_a_city_of_an_unreasonable_size_is_refused(tmp_path: Path, residents: int) -> None:
    with pytest.raises(ValueError, match="residents"):
        build_city(tmp_path / "never", _REGIONS, residents, 1, _quiet)
    assert not (tmp_path / "never").exists()


def test_exactly_the_residents_asked_for_are_registered(city: City) -> None:
    assert city.ask(POLICE_FILE, "SELECT count(*) FROM T_CZRK") == [(_RESIDENTS,)]
    counted = {
        "public-security.household": (POLICE_FILE, "T_HJ"),
        "civil-affairs.assistance": (CIVIL_FILE, "t_dibao"),
        "health.vaccination": (HEALTH_FILE, "vac_record"),
        "health.appointment": (HEALTH_FILE, "vac_appt"),
        "market-regulation.business": (MARKET_FILE, "enterprises"),
        "community.need": (LEDGER_FILE, "xuqiu"),
        "community.visit": (LEDGER_FILE, "zoufang"),
    }
    for dataset, (file, table) in counted.items():
        assert city.ask(file, f"SELECT count(*) FROM {table}") == [(city.summary.rows[dataset],)]


def test_every_identity_number_is_valid_unique_and_tells_birth_and_sex(city: City) -> None:
    rows = city.ask(POLICE_FILE, "SELECT SFZH, CSRQ, XB FROM T_CZRK")
    assert len({number for number, _, _ in rows}) == _RESIDENTS
    for number, birth, sex in rows:
        assert is_gb11643(number)
        assert number[6:14] == birth
        assert int(number[16]) % 2 == (1 if sex == "1" else 0)


def test_identity_numbers_in_other_registers_are_valid_too(city: City) -> None:
    for table, column in (
        ("t_dibao", "sfzhm"),
        ("vac_record", "id_card"),
        ("vac_appt", "id_card"),
        ("xuqiu", "sfz"),
        ("zoufang", "sfz"),
        ("enterprises", "legalPersonIdNo"),
    ):
        numbers = [number for (number,) in city.ask(POLICE_FILE, f"SELECT {column} FROM {table}") if number is not None]
        assert numbers
        assert all(map(is_gb11643, numbers)), table


def test_every_credit_code_is_valid_unique_and_holds_a_valid_organisation_code(city: City) -> None:
    codes = [code for (code,) in city.ask(MARKET_FILE, "SELECT creditCode FROM enterprises")]
    assert len(set(codes)) == len(codes) > 50
    for code in codes:
        assert is_gb32100(code)
        assert gb11714_check(code[8:16]) == code[16]
        assert code[2:8] in {"330102", "330114"}


def test_age_bands_are_counted_on_the_reference_day(city: City) -> None:
    for birth, band in city.ask(POLICE_FILE, "SELECT CSRQ, NLD FROM T_CZRK"):
        born = date(int(birth[:4]), int(birth[4:6]), int(birth[6:]))
        assert born < REFERENCE_DAY
        assert band == age_band(age_on(REFERENCE_DAY, born))
    assert [age_band(age) for age in (0, 4, 5, 64, 94, 95, 108)] == [
        "00-04", "00-04", "05-09", "60-64", "90-94", "95+", "95+",
    ]  # fmt: skip


def test_households_are_plausible(city: City) -> None:
    homes: dict[str, list[tuple[str, int, str]]] = {}
    for number, name, birth, address in city.ask(POLICE_FILE, "SELECT HH, XM, CSRQ, ZZ FROM T_CZRK ORDER BY RYBH"):
        born = date(int(birth[:4]), int(birth[4:6]), int(birth[6:]))
        homes.setdefault(number, []).append((name, age_on(REFERENCE_DAY, born), address))
    sizes = [len(members) for members in homes.values()]
    assert 2.0 < sum(sizes) / len(sizes) < 3.2
    with_children = sharing = 0
    for members in homes.values():
        assert len({address for _, _, address in members}) == 1
        head_name, head_age, _ = members[0]
        assert head_age >= 18, "a child is no head of a household"
        children = [name for name, age, _ in members[1:] if age < 15]
        for name, age, _ in members[1:]:
            assert age >= 15 or head_age - age >= 20, "a parent is grown up"
            with_children += age < 15
            sharing += age < 15 and name[0] == head_name[0]
        assert len(children) <= 2
    assert with_children > 100
    assert sharing / with_children > 0.85
    addresses = [members[0][2] for members in homes.values()]
    assert len(set(addresses)) == len(addresses)
    alone = city.ask(
        POLICE_FILE,
        "SELECT count(*) FROM (SELECT HH FROM T_CZRK GROUP BY HH HAVING count(*) = 1 AND min(NLD) >= '60-64')",
    )
    assert 0.02 < alone[0][0] / len(homes) < 0.15


def test_the_household_table_counts_the_people_who_live_there(city: City) -> None:
    wrong = city.ask(
        POLICE_FILE,
        "SELECT count(*) FROM T_HJ h WHERE RKS <> (SELECT count(*) FROM T_CZRK r WHERE r.HH = h.HH)"
        " OR NOT EXISTS (SELECT 1 FROM T_CZRK r WHERE r.HH = h.HH AND r.SFZH = h.HZSFZH)",
    )
    assert wrong == [(0,)]


def test_registers_disagree_a_little_about_the_same_person(tmp_path: Path) -> None:
    summary = build_city(tmp_path, _REGIONS, 12_000, 3, _quiet)
    city = City(folder=tmp_path, summary=summary)
    pairs = city.ask(
        LEDGER_FILE,
        "SELECT n.xm <> r.XM, ifnull(n.dh, '') <> ifnull(r.LXDH, ''), n.dz <> r.ZZ, n.sq <> r.SQDM"
        " FROM xuqiu n JOIN T_CZRK r ON r.SFZH = n.sfz",
    )
    assert len(pairs) == summary.rows["community.need"]
    for place, (low, high) in enumerate([(0.002, 0.04), (0.05, 0.2), (0.01, 0.09)]):
        share = sum(pair[place] for pair in pairs) / len(pairs)
        assert low < share < high, ("name", "phone", "address")[place]
    assert not any(pair[3] for pair in pairs), "the ledger is the community's own"
    listed = summary.rows["public-security.household"] / summary.households
    assert 0.95 < listed < 0.995, "some households are missing"
    unknown = city.ask(
        MARKET_FILE,
        "SELECT avg(NOT EXISTS (SELECT 1 FROM T_CZRK r WHERE r.SFZH = b.legalPersonIdNo)) FROM enterprises b",
    )
    assert 0.05 < unknown[0][0] < 0.3, "some owners live elsewhere"
    moved = city.ask(
        CIVIL_FILE, "SELECT count(*) FROM t_dibao d JOIN T_CZRK r ON r.SFZH = d.sfzhm WHERE d.shequ_dm <> r.SQDM"
    )
    assert moved[0][0] > 0, "somebody is still at a former address"


def test_some_phones_are_missing_and_some_have_no_known_shape(city: City) -> None:
    phones = [phone for (phone,) in city.ask(POLICE_FILE, "SELECT LXDH FROM T_CZRK WHERE NLD >= '20-24'")]
    well_formed = [
        phone
        for phone in phones
        if phone is not None
        and phone.isascii()
        and ((phone.isdigit() and len(phone) == 11) or (phone.startswith("0571-") and len(phone) == 13))
    ]
    missing = sum(phone is None for phone in phones) / len(phones)
    badly_typed = (len(phones) - len(well_formed)) / len(phones) - missing
    assert 0.005 < missing < 0.1
    assert 0.002 < badly_typed < 0.04


def test_the_scenes_people_are_there_to_be_asked_for(city: City) -> None:
    summary = city.summary
    elder, neighbour = summary.lonely_elder, summary.neighbour
    assert elder.street_code == neighbour.street_code == "330102013"
    assert elder.community_code != neighbour.community_code
    need = "SELECT duju, n.dh = r.LXDH, n.xm = r.XM FROM xuqiu n JOIN T_CZRK r ON r.SFZH = n.sfz WHERE n.sfz = ?"
    assert city.ask(LEDGER_FILE, need, elder.id_number) == [("1", 1, 1)]
    lives = "SELECT SQDM FROM T_CZRK WHERE SFZH = ?"
    assert city.ask(POLICE_FILE, lives, neighbour.id_number) == [(neighbour.community_code,)]

    member, family = summary.low_income_member, summary.low_income_family
    assert member.community_code.startswith("330102")
    members = city.ask(POLICE_FILE, "SELECT SFZH FROM T_CZRK WHERE HH = ? ORDER BY RYBH", family.household_no)
    assert tuple(number for (number,) in members) == family.member_id_numbers
    case = city.ask(CIVIL_FILE, "SELECT sfzhm, zt, shequ_dm FROM t_dibao WHERE bh = ?", family.case_no)
    assert case == [(member.id_number, "1", member.community_code)]
    owner = city.ask(MARKET_FILE, "SELECT legalPersonIdNo FROM enterprises WHERE creditCode = ?", family.credit_code)
    assert owner == [(member.id_number,)]

    patient = summary.transport_patient
    assert patient.street_code == "330114002"
    booked = "SELECT appt_id, need_car, appt_st FROM vac_appt WHERE id_card = ?"
    assert city.ask(HEALTH_FILE, booked, patient.id_number) == [(summary.transport_appointment_no, "Y", "1")]


def test_a_summary_is_read_back_as_it_was(city: City) -> None:
    assert read_summary(city.folder) == city.summary


def test_a_city_that_is_not_whole_has_no_summary(city: City, tmp_path: Path) -> None:
    assert read_summary(tmp_path) is None
    file = tmp_path / "city.json"
    text = (city.folder / "city.json").read_text(encoding="utf-8")
    for broken in (text[:-40], text.replace('"format": 1', '"format": 0'), "[]", '{"format": 1}', "null"):
        file.write_text(broken, encoding="utf-8")
        assert read_summary(tmp_path) is None
    build_city(tmp_path, _REGIONS, 1_000, 1, _quiet)
    with pytest.raises(RuntimeError, match="stopped"):
        build_city(tmp_path, _REGIONS, 1_000, 1, _stop)
    assert read_summary(tmp_path) is None, "a build that was interrupted is not taken for a city"


def _stop(stage: str, done: int, total: int) -> None:
    raise RuntimeError("stopped")


def test_there_is_a_group_of_exactly_two(city: City) -> None:
    small, large = city.summary.small_group, city.summary.large_group
    for group in (small, large):
        sql = "SELECT count(*) FROM T_CZRK WHERE SQDM = ? AND NLD = ?"
        assert city.ask(POLICE_FILE, sql, group.community_code, group.age_band) == [(group.count,)]
    assert small.count == 2
    assert large.count > small.count


def test_no_repr_of_a_summary_names_a_person(city: City) -> None:
    text = repr(city.summary)
    for person in (city.summary.lonely_elder, city.summary.transport_patient, city.summary.low_income_member):
        assert person.id_number not in text
        assert person.name not in text


def test_the_environment_folder_holds_readable_files(city: City) -> None:
    folder = city.folder / ENVIRONMENT_FOLDER
    assert sorted(file.name for file in folder.iterdir()) == ["tsxx.csv", "wfxx.csv", "wfxx_gd.parquet"]
    with closing(duckdb.connect()) as database:
        archive = database.execute("SELECT xydm, fxrq, fkje FROM read_parquet(?)", [str(folder / "wfxx_gd.parquet")])
        rows = archive.fetchall()
    assert len(rows) == city.summary.rows["environment.violation-archive"] > 0
    known = {code for (code,) in city.ask(MARKET_FILE, "SELECT creditCode FROM enterprises")}
    for code, found_on, fine in rows:
        assert code in known
        assert date(2019, 1, 1) <= found_on < date(2026, 1, 1)
        assert fine is not None
        assert fine > 0


def test_times_are_kept_in_utc_and_money_as_whole_fen(city: City) -> None:
    for (at,) in city.ask(HEALTH_FILE, "SELECT appt_time FROM vac_appt"):
        assert at.endswith("+00:00")
    for (fen,) in city.ask(CIVIL_FILE, "SELECT je_fen FROM t_dibao"):
        assert isinstance(fen, int)
        assert fen > 0
