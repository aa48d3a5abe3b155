"""The same policy in other engines: plain pycasbin, Cedar, a Cerbos server. Each is asked for `show` of every field.

Translated is what decides whether a field is shown: roles, objects, purposes, apps, windows, conditions, allow and
deny. Levels, row filters and obligations have no counterpart there; ceilings don't decide and are left out. Denies of
the generated city stand on `role:any`: Cerbos applies a deny role by role and would let another role allow.
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

import cedarpy
import httpx2
import orjson

from benchmarks.policy_city import NOW, City, Line, Question
from gateway.decision import PolicyEngine
from gateway.decision.attributes import attributes_of
from gateway.decision.hierarchy import Hierarchies
from gateway.decision.judge import Circumstances
from gateway.demo.serving import free_port

CERBOS_PATIENCE = 150.0  # seconds to start
_CERBOS_PACKAGE = "@cerbos/cerbos-linux-x64@0.55"


class Contender(Protocol):
    """Something that decides which fields are shown."""

    name: str

    def decide(self, question: Question) -> list[bool]:
        """One verdict a field, in the dataset's order."""


class Langqiao:
    """This project."""

    name = "langqiao"

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine

    def decide(self, question: Question) -> list[bool]:
        decision = self._engine.decide(question.bound, question.caller, None, NOW)
        return [verdict.verdict.value != "deny" for verdict in decision.fields.values()]


class PlainCasbin:
    """An ordinary pycasbin enforcer with the same model and rules; a person's roles are asked one by one."""

    name = "pycasbin"

    def __init__(self, engine: PolicyEngine) -> None:
        self._enforcer = engine.judge.enforcer

    def decide(self, question: Question) -> list[bool]:
        caller, dataset = question.caller, question.bound.dataset
        ctx = Circumstances(attributes=attributes_of(caller, None, NOW))
        app, pur = f"app:{caller.app}", f"pur:{caller.purpose}"
        return [
            any(
                self._enforcer.enforce(
                    f"role:{role}", app, "", f"field:{dataset.name}.{field}", "show", pur, "cn", NOW, ctx
                )
                for role in caller.roles
            )
            for field in dataset.fields
        ]


class Cedar:
    """cedarpy with policies and entities parsed once; one batch a question."""

    name = "cedarpy"

    def __init__(self, city: City, hierarchies: Hierarchies) -> None:
        self._policies = cedarpy.PolicySet.from_str(
            "\n".join(_cedar(line) for line in city.lines if line.eft != "oblige")
        )
        links = [link for hierarchy in hierarchies.named().values() for link in hierarchy.links]
        self._parents: dict[str, list[str]] = {}
        for child, parent in links:
            self._parents.setdefault(child, []).append(parent)
        names = {name for link in links for name in link}
        self._entities = cedarpy.Entities.from_json_str(json.dumps([self._entity(name) for name in names]))
        self._names = names

    def _entity(self, name: str, parents: Sequence[str] | None = None) -> dict[str, object]:
        above = self._parents.get(name, []) if parents is None else parents
        return {"uid": _uid(name), "attrs": {}, "parents": [_uid(each) for each in above]}

    def decide(self, question: Question) -> list[bool]:
        caller, dataset = question.caller, question.bound.dataset
        context: dict[str, object] = {
            "pur": {"__entity": _uid(f"pur:{caller.purpose}")},
            "app": {"__entity": _uid(f"app:{caller.app}")},
            "now": int(NOW.timestamp()),
            "assurance": caller.assurance,
            **({"network": caller.network} if caller.network else {}),
        }
        allowed = [False] * len(dataset.fields)
        # a person of several roles is asked for role by role: making an entity of them would parse the city anew
        for role in caller.roles:
            requests = [
                {
                    "principal": _uid(f"role:{role}"),
                    "action": _uid("action:show"),
                    "resource": _uid(f"field:{dataset.name}.{field}"),
                    "context": context,
                }
                for field in dataset.fields
            ]
            answers = cedarpy.is_authorized_batch(requests, self._policies, self._entities)
            allowed = [was or answer.allowed for was, answer in zip(allowed, answers, strict=True)]
        return allowed


def _uid(name: str) -> dict[str, str]:
    kind, _, rest = name.partition(":")
    return {"type": kind.capitalize() if rest else "Region", "id": rest or name}


def _cedar(line: Line) -> str:
    conditions = [f"context.pur in {_cedar_name(line.pur)}", f"context.app in {_cedar_name(line.app)}"]
    for bound, comparison in ((line.nbf, "<="), (line.exp, ">")):
        if bound:
            conditions.append(f"{int(datetime.fromisoformat(bound).timestamp())} {comparison} context.now")
    if "assurance" in line.cond:
        conditions.append("context." + line.cond.removeprefix("subject."))
    elif line.cond:
        known = 'context has network && context.network == "gov-vpn"'
        # a deny whose attribute is missing holds
        conditions.append(known if line.eft == "allow" else f"(!(context has network) || ({known}))")
    head = "permit" if line.eft == "allow" else "forbid"
    return (
        f"{head}(principal in {_cedar_name(line.sub)}, action == {_cedar_name('action:' + line.act)}, "
        f"resource in {_cedar_name(line.obj)}) when {{ {' && '.join(conditions)} }};"
    )


def _cedar_name(name: str) -> str:
    uid = _uid(name)
    return f'{uid["type"]}::"{uid["id"]}"'


class Cerbos:
    """A Cerbos server: a resource policy a dataset, `show` of the fields as twenty resources of one request."""

    name = "cerbos"

    def __init__(self, url: str, city: City, hierarchies: Hierarchies) -> None:
        self._client = httpx2.Client(base_url=url, timeout=60, trust_env=False)
        self._city = city
        self._hierarchies = hierarchies

    def decide(self, question: Question) -> list[bool]:
        caller, dataset = question.caller, question.bound.dataset
        above = self._hierarchies
        roles = sorted({name for role in caller.roles for name in above.roles.above[f"role:{role}"]})
        principal = {
            "id": caller.principal,
            "roles": [_plain(role) for role in roles if role != "role:any"],
            "attr": {
                "purposes": sorted(above.purposes.above[f"pur:{caller.purpose}"]),
                "apps": sorted(above.apps.above[f"app:{caller.app}"]),
                "assurance": caller.assurance,
                "network": caller.network,
                "now": int(NOW.timestamp()),
            },
        }
        resources = [
            {
                "resource": {
                    "kind": _plain(dataset.name),
                    "id": field,
                    "attr": {"objects": sorted(above.objects.above[f"field:{dataset.name}.{field}"])},
                },
                "actions": ["show"],
            }
            for field in dataset.fields
        ]
        body = orjson.dumps({"requestId": "q", "principal": principal, "resources": resources})
        answer = self._client.post("/api/check/resources", content=body)
        answer.raise_for_status()
        return [each["actions"]["show"] == "EFFECT_ALLOW" for each in orjson.loads(answer.content)["results"]]


def _plain(name: str) -> str:
    return name.replace(":", "_").replace(".", "_").replace("/", "_")


@contextmanager
def cerbos_server(city: City, hierarchies: Hierarchies, cache: Path) -> Iterator[tuple[str | None, float]]:
    """Its address and the seconds that it took to start; None where it was not ready in CERBOS_PATIENCE."""
    binary = _cerbos_binary(cache)
    with tempfile.TemporaryDirectory() as folder:
        _write_cerbos(city, hierarchies, Path(folder) / "policies")
        http, grpc = free_port(), free_port()
        settings = {
            "server": {"httpListenAddr": f"127.0.0.1:{http}", "grpcListenAddr": f"127.0.0.1:{grpc}",
                       "requestLimits": {"maxActionsPerResource": 50, "maxResourcesPerRequest": 50}},
            "storage": {"driver": "disk", "disk": {"directory": f"{folder}/policies", "watchForChanges": False}},
            "telemetry": {"disabled": True},
            "audit": {"enabled": False},
        }  # fmt: skip
        (Path(folder) / "cerbos.json").write_text(json.dumps(settings), encoding="utf-8")
        began = time.perf_counter()
        server = subprocess.Popen(
            [binary, "server", f"--config={folder}/cerbos.json", "--log-level=error"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "GOMAXPROCS": "2"},
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{http}"
            is_ready = _wait_for(url, began + CERBOS_PATIENCE, server)
            after = time.perf_counter() - began
            if not is_ready:
                server.kill()  # else it would go on taking the processors from the others
            yield (url if is_ready else None), after
        finally:
            server.kill()
            server.wait()


def _wait_for(url: str, until: float, server: "subprocess.Popen[bytes]") -> bool:
    while time.perf_counter() < until and server.poll() is None:
        try:
            if httpx2.get(f"{url}/_cerbos/health", timeout=2, trust_env=False).status_code == 200:
                return True
        except httpx2.HTTPError:
            time.sleep(0.2)
    return False


def _cerbos_binary(cache: Path) -> str:
    """The server from npm, fetched once into a folder that git ignores."""
    binary = cache / "package" / "cerbos-linux-x64"
    if not binary.exists():
        if shutil.which("npm") is None:
            raise SystemExit("npm is missing: apt-get install npm, or leave Cerbos out with --without cerbos")
        cache.mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", _CERBOS_PACKAGE], cwd=cache, check=True, capture_output=True, text=True
        ).stdout.split()[-1]
        with tarfile.open(cache / packed) as archive:
            archive.extractall(cache, filter="data")
        binary.chmod(0o755)
    return str(binary)


def _write_cerbos(city: City, hierarchies: Hierarchies, folder: Path) -> None:
    folder.mkdir()
    reached: dict[str, set[str]] = {}
    for dataset in city.catalog.datasets.values():
        for field in dataset.fields:
            for obj in hierarchies.objects.above[f"field:{dataset.name}.{field}"]:
                reached.setdefault(obj, set()).add(dataset.name)
    rules: dict[str, list[dict[str, object]]] = {name: [] for name in city.catalog.datasets}
    for line in city.lines:
        if line.eft != "oblige":
            for name in reached.get(line.obj, ()):
                rules[name].append(_cerbos_rule(line))
    for name, listed in rules.items():
        policy = {
            "apiVersion": "api.cerbos.dev/v1",
            "resourcePolicy": {"resource": _plain(name), "version": "default", "rules": listed},
        }
        (folder / f"{_plain(name)}.json").write_bytes(orjson.dumps(policy))


def _cerbos_rule(line: Line) -> dict[str, object]:
    conditions = [
        f'"{line.obj}" in R.attr.objects',
        f'"{line.pur}" in P.attr.purposes',
        f'"{line.app}" in P.attr.apps',
    ]
    for bound, comparison in ((line.nbf, "<="), (line.exp, ">")):
        if bound:
            conditions.append(f"{int(datetime.fromisoformat(bound).timestamp())} {comparison} P.attr.now")
    if "assurance" in line.cond:
        conditions.append("P.attr." + line.cond.removeprefix("subject."))
    elif line.cond:
        unknown = "" if line.eft == "allow" else ' || P.attr.network == ""'
        conditions.append(f'(P.attr.network == "gov-vpn"{unknown})')
    return {
        "actions": [line.act],
        "effect": "EFFECT_ALLOW" if line.eft == "allow" else "EFFECT_DENY",
        "roles": ["*" if line.sub == "role:any" else _plain(line.sub)],
        "condition": {"match": {"all": {"of": [{"expr": each} for each in conditions]}}},
        "name": f"r{line.number}",
    }
