"""The people of the demo: who they are, which app they use, where they work; their tokens are really signed."""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from gateway.keys import Issuer

DEMO_ISSUER = "https://sign-in.langqiao.example"
_FILE = "people.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One person: what their token says, and the app they sit at."""

    name: str
    title: str  # as the scenes introduce them, Chinese and English
    app: str
    roles: tuple[str, ...]
    organisation: str
    regions: tuple[str, ...]
    assurance: int = 2
    id_number: str | None = None

    def claims(self) -> dict[str, object]:
        """The token's claims but for those that the issuer adds."""
        claims: dict[str, object] = {
            "sub": self.name,
            "roles": list(self.roles),
            "org": self.organisation,
            "regions": list(self.regions),
            "assurance": self.assurance,
            "jti": secrets.token_hex(8),
        }
        return claims if self.id_number is None else claims | {"id_number": self.id_number}


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where the day's stories are set (region codes), and whose own data the resident asks for."""

    home: str  # the grid worker's community
    transport: str  # the community whose resident is driven to the vaccination
    family_street: str  # the low-income family's street
    county: str  # the analyst's
    resident_id: str


PERSONA_NAMES = (
    "grid-worker", "transport-worker", "civil-officer", "health-officer", "analyst", "inspector", "driver", "doctor",
    "officer", "reviewer", "resident",
)  # fmt: skip


def personas(places: Places) -> tuple[Persona, ...]:
    """Everybody in the day, at their places."""
    street, transport_street = places.family_street, places.transport[:9]
    return (
        Persona(name="grid-worker", title="社区网格员 community grid worker", app="community-desk",
                roles=("community/grid-worker",), organisation=f"community-{places.home}", regions=(places.home,)),
        Persona(name="transport-worker", title="社区网格员 (接种接送) grid worker, vaccination transport",
                app="community-desk", roles=("community/grid-worker",),
                organisation=f"community-{places.transport}", regions=(places.transport,)),
        Persona(name="civil-officer", title="街道民政干部 street civil-affairs officer", app="street-desk",
                roles=("street/civil-officer",), organisation=f"street-{street}", regions=(street,)),
        Persona(name="health-officer", title="街道卫健干部 street health officer", app="street-desk",
                roles=("street/health-officer",), organisation=f"street-{transport_street}",
                regions=(transport_street,)),
        Persona(name="analyst", title="区数据分析员 district analyst", app="statistics-desk",
                roles=("district/analyst",), organisation=f"district-{places.county}", regions=(places.county,)),
        Persona(name="inspector", title="生态环境执法员 environment inspector", app="environment-desk",
                roles=("environment/inspector",), organisation="environment-bureau", regions=("330114",)),
        Persona(name="driver", title="租车公司调度员 vehicle vendor's dispatcher", app="dispatch",
                roles=("vendor/vehicles",), organisation="anxing-vehicles", regions=(), assurance=1),
        Persona(name="doctor", title="急诊医生 emergency doctor", app="street-desk", roles=("emergency/doctor",),
                organisation="hospital-1", regions=("3301",)),
        Persona(name="officer", title="安全管理员 security officer", app="admin-desk", roles=("security/officer",),
                organisation="data-bureau", regions=("3301",), assurance=3),
        Persona(name="reviewer", title="合规审查员 compliance reviewer", app="admin-desk",
                roles=("compliance/reviewer",), organisation="data-bureau", regions=("3301",)),
        Persona(name="resident", title="居民本人 the resident", app="resident-portal", roles=("resident",),
                organisation="", regions=(), id_number=places.resident_id),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """What one person's app sends."""

    url: str
    app_key: str
    token: str


def write_people(folder: Path, url: str, people: tuple[Persona, ...], app_keys: dict[str, str]) -> None:
    """Keep the demo's people and app keys beside the city (mode 0600), for `langqiao token`."""
    path = folder / _FILE
    path.touch(mode=0o600)
    content = {"url": url, "app_keys": app_keys, "people": {person.name: asdict(person) for person in people}}
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def credentials_of(folder: Path, name: str, now: datetime, hours: int) -> Credentials:
    """Sign in as one of the demo's people; raises OSError or KeyError where there is none."""
    content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    found = content["people"][name]
    person = TypeAdapter(Persona).validate_python(found)
    issuer = Issuer.open(folder / "issuer", DEMO_ISSUER)
    return Credentials(
        url=content["url"],
        app_key=content["app_keys"][person.app],
        token=issuer.sign(person.claims() | {"aud": "langqiao"}, lifetime_seconds=hours * 3600, now=now),
    )


def titles(folder: Path) -> dict[str, str]:
    """How the scenes introduce each of the demo's people."""
    people = json.loads((folder / _FILE).read_text(encoding="utf-8"))["people"]
    return {name: person["title"] for name, person in people.items()}
