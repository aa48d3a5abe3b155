"""The systemd unit: its hardening, its score, and agreement with the command and the settings."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from tests.architecture.deploy_facts import DEPLOY, EXAMPLE, PROJECT, assert_command, example_as_written, need, run


def _unit() -> dict[str, list[str]]:
    settings: dict[str, list[str]] = {}
    for line in (DEPLOY / "langqiao.service").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith(("#", "[")):
            name, value = line.split("=", 1)
            settings.setdefault(name, []).append(value)
    return settings


HARDENED = {
    "AmbientCapabilities": "", "CapabilityBoundingSet": "", "DevicePolicy": "closed", "KeyringMode": "private",
    "LimitCORE": "0", "LockPersonality": "true", "MemoryDenyWriteExecute": "true", "NoNewPrivileges": "true",
    "PrivateDevices": "true", "PrivateTmp": "true", "PrivateUsers": "true", "ProcSubset": "pid",
    "ProtectClock": "true", "ProtectControlGroups": "true", "ProtectHome": "true", "ProtectHostname": "true",
    "ProtectKernelLogs": "true", "ProtectKernelModules": "true", "ProtectKernelTunables": "true",
    "ProtectProc": "invisible", "ProtectSystem": "strict", "RemoveIPC": "true", "Restart": "on-failure",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "RestrictNamespaces": "true", "RestrictRealtime": "true",
    "RestrictSUIDSGID": "true", "StateDirectory": "langqiao", "StateDirectoryMode": "0700",
    "SystemCallArchitectures": "native", "UMask": "0077", "User": "langqiao",
}  # fmt: skip


def test_the_unit_keeps_its_hardening() -> None:
    unit = _unit()
    assert {name: unit.get(name) for name in HARDENED} == {name: [value] for name, value in HARDENED.items()}
    assert unit["SystemCallFilter"][0] == "@system-service"
    assert all(more.startswith("~") for more in unit["SystemCallFilter"][1:])
    assert "Environment" not in unit  # a password in the environment is for everybody's eyes


def test_the_unit_runs_a_command_that_exists_on_paths_that_agree() -> None:
    unit = _unit()
    program, *words = shlex.split(unit["ExecStart"][0])
    assert Path(program).name in PROJECT["project"]["scripts"]
    assert_command(words)
    assert words[-1] == "/etc/langqiao/langqiao.toml"
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    settings = example_as_written()
    # ProtectSystem=strict: these are the places that can be written
    assert settings["high_water"].startswith(f"/var/lib/{unit['StateDirectory'][0]}/")
    assert unit["ReadWritePaths"] == [str(Path(settings["keys"]["root_file"]).parent)]


def test_a_credential_that_the_settings_name_is_loaded() -> None:
    loaded = {value.split(":")[0] for value in _unit()["LoadCredential"]}
    named = set(re.findall(r"/run/credentials/langqiao\.service/([\w.-]+)", EXAMPLE.read_text(encoding="utf-8")))
    assert named
    assert named <= loaded


def test_systemd_takes_the_unit_and_finds_little_exposed(tmp_path: Path) -> None:
    tool = need("systemd-analyze")
    text = (DEPLOY / "langqiao.service").read_text(encoding="utf-8")
    unit = tmp_path / "langqiao.service"
    # the program is not installed here: anything that can be executed stands in for it
    unit.write_text(text.replace("/opt/langqiao/bin/langqiao", "/bin/true"), encoding="utf-8")
    verified = run(tool, "verify", "--man=no", str(unit))
    assert (verified.returncode, verified.stderr) == (0, "")
    scored = run(tool, "security", "--offline=true", "--no-pager", "--threshold=15", str(unit))
    assert scored.returncode == 0, scored.stdout
    exposure = re.search(r"exposure level for langqiao.service: ([\d.]+)", scored.stdout)
    assert exposure
    assert float(exposure.group(1)) <= 1.5


def test_the_libraries_work_where_no_memory_is_both_written_and_run() -> None:
    """MemoryDenyWriteExecute, by the kernel's own switch (PR_SET_MDWE, Linux 6.3)."""
    program = """
import ctypes, mmap, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    sys.exit("not enforced")
except OSError:
    pass
import casbin, duckdb, fastapi, orjson, psycopg, pydantic, sqlalchemy, uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
key = Ed25519PrivateKey.generate()
key.public_key().verify(key.sign(b"x"), b"x")
assert duckdb.sql("select sum(i) from range(1000) t(i)").fetchall() == [(499500,)]
"""
    done = run(sys.executable, "-c", program)
    if done.returncode == 77:
        pytest.skip("the kernel is older than Linux 6.3")
    assert done.returncode == 0, done.stderr
