"""The compose file and the collector's configuration: specification, fences, and agreement with the code.

The collector itself is not run here.
"""

import re
from typing import Any

import compose_spec
import pytest
import yaml

from gateway.settings import load_settings
from gateway.telemetry.spans import Stage
from tests.architecture.deploy_facts import DEPLOY, EXAMPLE, ROOT, example_as_written, setting_of

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
COLLECTOR: dict[str, Any] = yaml.safe_load((DEPLOY / "otel-collector.yaml").read_text(encoding="utf-8"))


# ------------------------------------------------------------------ compose
def test_the_compose_file_follows_the_specification() -> None:
    compose_spec.PyCompose.from_yaml((DEPLOY / "compose.yaml").read_text(encoding="utf-8")).validate()


def test_the_check_refuses_what_is_not_compose() -> None:
    with pytest.raises(ValueError, match="restrat"):
        compose_spec.PyCompose.from_yaml("services: {gateway: {image: 'x:1', restrat: always}}")


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_a_service_is_fenced(name: str) -> None:
    service = COMPOSE["services"][name]
    assert re.fullmatch(r"[\w./-]+:\d[\w.-]*", service["image"]), "pinned by a tag that is a version"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert service["restart"] == "unless-stopped"
    assert "healthcheck" in service or name == "collector"  # its image has nothing to run one with
    for mount in service.get("volumes", []):
        # the first start makes the keys
        assert mount["type"] == "volume" or mount["read_only"] is True or mount["target"] == "/etc/langqiao/keys"


def test_only_the_gateway_is_published_and_only_on_this_host() -> None:
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == {"gateway": ["127.0.0.1:8000:8000"]}


def test_the_database_meets_nobody_but_the_gateway() -> None:
    networks = COMPOSE["networks"]
    assert networks["state"]["internal"] is True
    assert networks["telemetry"]["internal"] is True
    assert COMPOSE["services"]["state"]["networks"] == ["state"]
    assert [name for name, service in COMPOSE["services"].items() if "state" in service["networks"]] == [
        "gateway",
        "state",
    ]


def test_passwords_stand_in_files_only() -> None:
    used = {secret for service in COMPOSE["services"].values() for secret in service.get("secrets", [])}
    assert used == set(COMPOSE["secrets"])
    for service in COMPOSE["services"].values():
        for variable, value in service.get("environment", {}).items():
            assert "PASSWORD" not in variable or variable.endswith("_FILE"), variable
            assert not re.search(r"://[^/@]+:[^/@]+@", str(value)), variable
            for name in re.findall(r"/run/secrets/([\w.-]+)", str(value)):
                assert name in service["secrets"]


def test_the_gateways_environment_is_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = COMPOSE["services"]["gateway"]["environment"]
    for variable, value in environment.items():
        setting_of(variable)
        monkeypatch.setenv(variable, str(value))
    settings = load_settings(EXAMPLE)
    assert settings.state_url == environment["LANGQIAO_STATE_URL"]
    host, port = COLLECTOR["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rsplit(":", 1)
    assert host == "${env:OTLP_LISTEN:-127.0.0.1}"
    assert settings.telemetry.otlp_endpoint == f"http://collector:{port}/v1/traces"
    assert f"http://127.0.0.1:{port}/v1/traces" == example_as_written()["telemetry"]["otlp_endpoint"]


def test_the_database_flushes_what_it_acknowledges() -> None:
    command = COMPOSE["services"]["state"]["command"]
    assert {"fsync=on", "synchronous_commit=on", "full_page_writes=on", "data_sync_retry=off"} <= set(command)
    assert "--data-checksums" in COMPOSE["services"]["state"]["environment"]["POSTGRES_INITDB_ARGS"]


# ------------------------------------------------------------------ collector
def _default(value: object) -> Any:
    """`${env:NAME:-default}` read as the collector reads it where NAME is not set."""
    found = re.fullmatch(r"\$\{env:\w+:-(.*)\}", value) if isinstance(value, str) else None
    return yaml.safe_load(found.group(1)) if found else value


def test_the_collectors_pipelines_name_declared_components_and_all_of_them() -> None:
    named: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set()}
    for pipeline in COLLECTOR["service"]["pipelines"].values():
        for kind, names in named.items():
            names |= set(_default(pipeline[kind]))
    assert named["receivers"] == set(COLLECTOR["receivers"])
    assert named["processors"] == set(COLLECTOR["processors"])
    assert named["exporters"] <= set(COLLECTOR["exporters"])
    assert set(_default(COMPOSE["services"]["collector"]["environment"]["OTLP_LISTEN"]).split()) == {"0.0.0.0"}


def test_the_collector_limits_memory_first_and_batches_last() -> None:
    for pipeline in COLLECTOR["service"]["pipelines"].values():
        assert pipeline["processors"][0] == "memory_limiter"
        assert pipeline["processors"][-1] == "batch"
        assert pipeline["processors"].index("redaction/allowed") < pipeline["processors"].index("batch")


def test_the_collector_lets_only_the_attributes_pass_that_the_gateway_sets() -> None:
    redaction = COLLECTOR["processors"]["redaction/allowed"]
    assert redaction["allow_all_keys"] is False
    assert "ignored_keys" not in redaction
    set_by_us: set[str] = set()
    for path in (ROOT / "gateway/telemetry").glob("*.py"):
        set_by_us |= set(re.findall(r"set_attribute\(\s*\"([^\"]+)\"", path.read_text(encoding="utf-8")))
    resource = {"service.name", "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version"}
    assert set_by_us
    assert set(redaction["allowed_keys"]) == set_by_us | resource


def test_the_collector_knows_the_stages_names() -> None:
    (condition,) = COLLECTOR["processors"]["filter/stages"]["traces"]["span"]
    found = re.fullmatch(r'not IsMatch\(name, "\^\((.+)\)\$"\)', condition)
    assert found
    assert set(found.group(1).split("|")) == {"request", *(stage.value for stage in Stage)}


@pytest.mark.parametrize("value", ["11010519491231002X", "13912345678"])
def test_the_collector_stars_id_and_phone_numbers(value: str) -> None:
    assert any(re.search(shape, value) for shape in COLLECTOR["processors"]["redaction/allowed"]["blocked_values"])
