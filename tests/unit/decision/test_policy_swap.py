"""Readers while two policies are swapped: each answer belongs wholly to the version that it names."""

import shutil
import threading
from pathlib import Path

from gateway.administration import PolicyHolder
from gateway.decision import PolicyEngine
from gateway.model.decision import Decision
from tests.unit.decision.small_city import NOW, caller, question

POLICIES = Path(__file__).parents[3] / "policies"


def _decide(engine: PolicyEngine) -> Decision:
    who = caller("community/grid-worker", purpose="home-visit", app="community-desk")
    return engine.decide(question(engine.catalog, who, "public-security.resident"), who, None, NOW)


def test_each_answer_belongs_wholly_to_the_version_it_names(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(POLICIES, tmp_path / "policies"))
    holder = PolicyHolder(bundle, keep=lambda *_: None)
    old = holder.current
    deny = "p, ZZ1, role:any, app:any, ds:public-security.resident, show, pur:any, cn, *, , , , deny, \n"
    (bundle / "rules" / "zz.csv").write_text(deny, encoding="utf-8")
    new = holder.build()
    right = {engine.version: _decide(engine) for engine in (old, new)}
    assert len(right) == 2
    assert right[old.version].fields != right[new.version].fields
    wrong: list[Decision] = []
    seen: set[str] = set()
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            found = _decide(holder.current)
            seen.add(found.policy_version)
            if found != right[found.policy_version]:
                wrong.append(found)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(40):
        holder.swap((new, old)[turn % 2])
        is_over.wait(0.05)
    is_over.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert seen == set(right)
