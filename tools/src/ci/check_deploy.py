"""Reads what tools for other formats can read: compose files, EMQX's configuration, the bake file, rendered manifests, unit files."""
import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import hcl2
import promql_parser
import yaml
from pyhocon import ConfigFactory

DEPLOY = Path(sys.argv[1])
WORK = Path(sys.argv[2])


def fail(where, what):
    sys.exit(f"{where}: {what}")


def interpolated(path):
    """As docker compose does it: ${NAME:?…} must be given, ${NAME:-default} and ${NAME:-} need not."""
    def value(match):
        name, operator, rest = match.group(1), match.group(2), match.group(3)
        return f"given-{name.lower()}" if operator == ":?" else rest
    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, path.read_text())


for path in sorted((DEPLOY / "compose").glob("*.yaml")):
    document = yaml.safe_load(interpolated(path))
    # As JSON: merge keys are resolved, as docker compose resolves them.
    rendered = WORK / f"{path.stem}.json"
    rendered.write_text(json.dumps(document))
    check = Path(sys.executable).parent / "check-jsonschema"
    told = subprocess.run(
        [str(check), "--builtin-schema", "vendor.compose-spec", str(rendered)], capture_output=True, text=True
    )
    if told.returncode != 0:
        fail(path, told.stdout + told.stderr)
    for name, service in document["services"].items():
        image = service["image"]
        if ":" not in image or image.endswith(":latest"):
            fail(path, f"services.{name}.image must have a version that stays, is {image}")
        ours = "localhost/shoal" in path.read_text() and "shoal" in image
        if ours and not (service.get("read_only") and service.get("cap_drop") == ["ALL"]):
            fail(path, f"services.{name} must have a read-only root and no capabilities")
        for other in service.get("depends_on", {}):
            if other not in document["services"]:
                fail(path, f"services.{name}.depends_on names {other}, which is no service")
    print(f"{path.name}: {len(document['services'])} services")

emqx = ConfigFactory.parse_file(str(DEPLOY / "emqx/emqx.conf"))
wanted = {
    "a2a_registry.enable": True,
    "retainer.backend.storage_type": "disc",
    "retainer.backend.max_retained_messages": 0,
    "retainer.stop_publish_clear_msg": False,
    "authorization.no_match": "deny",
    "listeners.tcp.default.enable": False,
    "listeners.ws.default.enable": False,
}
for key, value in wanted.items():
    if emqx[key] != value:
        fail("emqx.conf", f"{key} must be {value}, is {emqx[key]}")
for source, copy in (("emqx/emqx.conf", "emqx.conf"), ("observability/alerts.yaml", "alerts.yaml")):
    if (DEPLOY / source).read_text() != (DEPLOY / "helm/shoal/files" / copy).read_text():
        fail(f"helm/shoal/files/{copy}", f"is not deploy/{source}: copy it")
print("emqx.conf: registry, retainer on disc, deny by default, TLS only")

with open(DEPLOY / "images/docker-bake.hcl") as file:
    bake = hcl2.load(file)
unquoted = lambda text: text.strip('"')
targets = {unquoted(name): body for target in bake["target"] for name, body in target.items()}
stages = set(re.findall(r"^FROM .* AS (\S+)$", (DEPLOY / "images/Dockerfile").read_text(), re.M))
for name, body in targets.items():
    if "target" in body and unquoted(body["target"]) not in stages:
        fail("docker-bake.hcl", f"{name}: the Dockerfile has no stage {body['target']}")
if not all(platform in str(targets["base"]["platforms"]) for platform in ("linux/amd64", "linux/arm64")):
    fail("docker-bake.hcl", "images of a release are built for amd64 and arm64")
print(f"docker-bake.hcl: {len(targets) - 1} images")

for name in ("prometheus.yaml", "otel-collector.yaml"):
    yaml.safe_load((DEPLOY / "observability" / name).read_text())
rules = yaml.safe_load((DEPLOY / "observability/alerts.yaml").read_text())
board = json.loads((DEPLOY / "observability/grafana-shoal.json").read_text())
expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
expressions += [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
for expression in expressions:
    try:
        promql_parser.parse(expression)
    except ValueError as error:
        fail("observability", f"{expression}: {error}")
print(f"observability: {len(expressions)} expressions")

for path in sorted((DEPLOY / "systemd").glob("*.service")):
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(path)
    for key, value in (("User", "shoal"), ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict")):
        if unit["Service"].get(key) != value:
            fail(path.name, f"{key} must be {value}")
