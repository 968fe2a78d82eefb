"""The manifests: they are whole, safe, and agree with the image and with the settings."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from operations.manifests import DOCKER, read_documents, read_yaml, values_of
from operator_guide import in_ticks, rows

from cds_service.access.clients_file import parse_clients
from cds_service.settings import Settings, all_settings, read_settings
from cds_service.web.health import Readiness, create_health

HOME = DOCKER / "kubernetes"
MANIFESTS = sorted(set(HOME.glob("*.yaml")) - {HOME / "kustomization.yaml"})
KUBERNETES = ("1.29", "1.33", "1.37")  # releases whose schemas are tried
DEPLOYMENT, MIGRATION = read_yaml(HOME / "deployment.yaml"), read_yaml(HOME / "migration.yaml")
CLAIM, BACKUP = read_documents(HOME / "backup.yaml")
PODS = {
    "Deployment": DEPLOYMENT["spec"]["template"],
    "Job": MIGRATION["spec"]["template"],
    "CronJob": BACKUP["spec"]["jobTemplate"]["spec"]["template"],
}
SETTINGS = tomllib.loads((HOME / "settings" / "crd.toml").read_text("utf-8"))
IMAGE = (DOCKER / "Dockerfile").read_text("utf-8")
ASKED = ("periodSeconds", "timeoutSeconds", "failureThreshold")
USUAL = {"https": 443, "postgresql": 5432}  # ports that an address need not name
NODE_CACHE = "169.254.20.10/32"  # where the cluster's cache of names listens on each node
MOST_LATE = 180  # seconds that a start may take before the pod is started again


def container_of(pod: Any) -> Any:
    """The one container of a pod."""
    (container,) = pod["spec"]["containers"]
    return container


def test_the_kustomization_names_every_manifest() -> None:
    """And no other."""
    named = read_yaml(HOME / "kustomization.yaml")["resources"]

    assert sorted(named) == [path.name for path in MANIFESTS]


def test_what_it_makes_is_what_pods_ask_for() -> None:
    """ConfigMaps and Secrets, by their names; no Secret is in the checkout."""
    kustomization = read_yaml(HOME / "kustomization.yaml")
    made = {
        made["name"]
        for kind in ("configMapGenerator", "secretGenerator")
        for made in kustomization[kind]
    }
    asked = {
        source["name"]
        for pod in PODS.values()
        for key in ("configMap", "secret", "secretKeyRef")
        for source in values_of(pod, key)
    }

    assert made == asked
    files = [file for made in kustomization["configMapGenerator"] for file in made["files"]]
    assert [file for file in files if not (HOME / file).is_file()] == []
    assert {path.name for path in (HOME / "secrets").iterdir()} >= {".gitignore", "README.md"}


def test_the_keys_that_settings_name_are_mounted_where_they_name_them() -> None:
    """In `/etc/crd`, as the settings file itself."""
    kustomization = read_yaml(HOME / "kustomization.yaml")
    keys = {file for made in kustomization["secretGenerator"] for file in made["files"]}
    mounted = {Path(file).name for file in keys} | {"clients.toml", "crd.toml"}
    named = re.findall(r"/etc/crd/([\w.-]+)", (HOME / "settings" / "crd.toml").read_text("utf-8"))

    assert set(named) <= mounted
    for pod in PODS.values():
        volumes = {mount["name"]: mount for mount in container_of(pod)["volumeMounts"]}
        assert volumes["settings"]["mountPath"] == "/etc/crd"


def test_the_settings_are_settings() -> None:
    """Read as the service does, and the clients file too."""
    settings = read_settings({}, {"config": str(HOME / "settings" / "crd.toml")})
    clients = parse_clients(tomllib.loads((HOME / "settings/clients.toml").read_text("utf-8")))

    assert settings.auth == "jwt"
    assert settings.base_url.startswith("https://")
    assert [client.name for client in clients.all] == ["north-hospital"]


def test_variables_of_pods_are_settings_or_the_databases() -> None:
    """CRD_CONFIG names the file that is mounted."""
    known = {setting.variable for setting in all_settings()}
    known |= {"CRD_CONFIG", "PGPASSWORD", "POD_NAME"}
    for pod in PODS.values():
        given = {variable["name"]: variable.get("value") for variable in container_of(pod)["env"]}
        assert set(given) <= known
        assert given["CRD_CONFIG"] == "/etc/crd/crd.toml"


def test_the_workers_are_the_cores_that_are_requested() -> None:
    """A container sees all cores of its node."""
    assert (
        int(container_of(PODS["Deployment"])["resources"]["requests"]["cpu"])
        == (SETTINGS["workers"])
    )


@pytest.mark.parametrize("kind", PODS)
def test_a_pod_may_do_nothing_that_it_need_not(kind: str) -> None:
    """As the namespace enforces for every pod in it, and a file system that cannot be written."""
    pod, container = PODS[kind]["spec"], container_of(PODS[kind])["securityContext"]

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    assert container == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (namespace,) = read_documents(HOME / "namespace.yaml")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("kind", PODS)
def test_a_pod_runs_as_the_user_of_the_image(kind: str) -> None:
    """With its group, by which keys are read."""
    (user, group) = re.findall(r"^USER (\d+):(\d+)$", IMAGE, re.MULTILINE)[0]
    context = PODS[kind]["spec"]["securityContext"]

    assert (context["runAsUser"], context["runAsGroup"]) == (int(user), int(group))
    assert context["fsGroup"] == int(group)


@pytest.mark.parametrize("kind", PODS)
def test_what_a_pod_writes_is_mounted(kind: str) -> None:
    """The data directory and that of drafts; all else cannot be written."""
    container, volumes = container_of(PODS[kind]), PODS[kind]["spec"]["volumes"]
    writable = {volume["name"] for volume in volumes if "emptyDir" in volume}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}

    assert {mounts[name] for name in writable} == {SETTINGS["data_dir"], "/tmp"}  # noqa: S108
    assert set(mounts) == {volume["name"] for volume in volumes}


def test_a_journal_that_goes_with_its_pod_is_not_used() -> None:
    """An answer whose only record may be lost is none: calls get a 503 instead."""
    assert SETTINGS["journal_max"] == 0


def test_probes_ask_what_is_answered() -> None:
    """At the port that the settings, the image, the container and the services name."""
    health = create_health(Readiness(policies=lambda: 1, store=lambda: None))  # type: ignore[arg-type,return-value]
    container = container_of(PODS["Deployment"])
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}

    assert {probe["httpGet"]["port"] for probe in probes.values()} == {"http"}
    assert ports["http"] == SETTINGS["port"]
    assert f"EXPOSE {SETTINGS['port']}" in IMAGE
    for service in read_documents(HOME / "service.yaml"):
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
    paths = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    assert paths == {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}
    assert len(health.deferred_functions) == len(set(paths.values()))
    start = probes["startup"]
    assert start["periodSeconds"] * start["failureThreshold"] >= MOST_LATE


def test_the_guide_has_the_probes_as_they_are() -> None:
    """What is asked, how often, how long it may take, and after how many failures it acts."""
    container = container_of(PODS["Deployment"])
    names = {"start": "startup", "life": "liveness", "readiness": "readiness"}
    listed = {
        names[probe.strip()]: (
            *in_ticks(path),
            *(int(re.findall(r"\d+", cell)[0]) for cell in times),
        )
        for probe, path, *times, _ in rows("probe")
    }

    assert listed == {
        name: (
            container[f"{name}Probe"]["httpGet"]["path"],
            *(container[f"{name}Probe"][key] for key in ASKED),
        )
        for name in names.values()
    }


def test_no_pod_is_taken_away_before_another_is_ready() -> None:
    """Neither by a new release nor by a node that is emptied."""
    (budget,) = read_documents(HOME / "disruption.yaml")
    (autoscaler,) = read_documents(HOME / "autoscaler.yaml")

    assert DEPLOYMENT["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in DEPLOYMENT["spec"]
    assert autoscaler["spec"]["minReplicas"] > budget["spec"]["maxUnavailable"]


def test_backups_have_names_of_their_own_on_a_volume_that_stays() -> None:
    """Nothing is overwritten; and two never run at once."""
    container, volumes = container_of(PODS["CronJob"]), PODS["CronJob"]["spec"]["volumes"]
    (name,) = [variable for variable in container["env"] if variable["name"] == "POD_NAME"]
    (claim,) = values_of(volumes, "claimName")

    assert container["args"] == ["audit", "backup", "/backup/$(POD_NAME)"]
    assert name["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert {"name": "backup", "mountPath": "/backup"} in container["volumeMounts"]
    assert claim == CLAIM["metadata"]["name"]
    assert BACKUP["spec"]["concurrencyPolicy"] == "Forbid"


def test_pods_spread_over_nodes_that_may_have_one() -> None:
    """A node that is tainted takes none, and one too many elsewhere would wait for it for ever."""
    spread = PODS["Deployment"]["spec"]["topologySpreadConstraints"]

    assert {constraint["topologyKey"] for constraint in spread} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }
    assert {constraint["nodeTaintsPolicy"] for constraint in spread} == {"Honor"}


def test_pods_reach_every_port_that_their_settings_name() -> None:
    """The database, EHRs, key servers and checkpoints; names too, over UDP and TCP."""
    texts = [(HOME / "settings" / name).read_text("utf-8") for name in ("crd.toml", "clients.toml")]
    named = [urlsplit(url) for url in re.findall(r'"(\w+://[^"]+)"', "".join(texts))]
    names, others = read_yaml(HOME / "networkpolicy.yaml")["spec"]["egress"]

    assert {url.port or USUAL[url.scheme] for url in named} == {
        port["port"] for port in others["ports"] if port["protocol"] == "TCP"
    }
    assert [(port["protocol"], port["port"]) for port in names["ports"]] == [
        ("UDP", 53),
        ("TCP", 53),
    ]
    assert {"ipBlock": {"cidr": NODE_CACHE}} in names["to"]


def test_a_stop_is_waited_for() -> None:
    """The pause before it, the calls under way, and what is to be written after them."""
    pause = int(container_of(PODS["Deployment"])["lifecycle"]["preStop"]["exec"]["command"][1])
    stop = SETTINGS.get("stop_seconds", Settings().stop_seconds)

    assert PODS["Deployment"]["spec"]["terminationGracePeriodSeconds"] >= pause + stop + 10


def test_who_selects_pods_selects_those_of_the_deployment() -> None:
    """Services, budget, spread and policy."""
    labels = PODS["Deployment"]["metadata"]["labels"].items()
    selectors = [
        *values_of(DEPLOYMENT["spec"], "matchLabels"),
        *values_of(read_yaml(HOME / "disruption.yaml"), "matchLabels"),
        *(service["spec"]["selector"] for service in read_documents(HOME / "service.yaml")),
        read_yaml(HOME / "networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"],
    ]

    assert len(selectors) > 5
    assert [selector for selector in selectors if not selector.items() <= labels] == []


@pytest.mark.operations
@pytest.mark.parametrize("release", KUBERNETES)
@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_is_as_the_schemas_of_kubernetes_have_it(path: Path, release: str) -> None:
    """Those of the package `kubernetes-validate`, which are the API server's own; no other key."""
    command = ["kubernetes-validate", "--kubernetes-version", release, "--strict", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.operations
def test_kustomize_makes_of_them_what_the_schemas_have(tmp_path: Path) -> None:
    """With keys of the operator in their places, if `kustomize` or `kubectl` is installed."""
    kustomize = shutil.which("kustomize")
    if not kustomize and not shutil.which("kubectl"):
        pytest.skip("neither kustomize nor kubectl is installed")
    build = [kustomize, "build"] if kustomize else ["kubectl", "kustomize"]
    here = tmp_path / "kubernetes"
    shutil.copytree(HOME, here)
    for file in re.findall(r"secrets/[\w.-]+", (here / "kustomization.yaml").read_text("utf-8")):
        (here / file).write_text("made for a test")
    made = tmp_path / "made.yaml"
    made.write_bytes(subprocess.run([*build, here], capture_output=True, check=True).stdout)

    command = ["kubernetes-validate", "--strict", "-k", KUBERNETES[-1], str(made)]
    subprocess.run(command, capture_output=True, check=True)
    names = set(re.findall(r"name: (crd-(?:settings|keys|database)\S*)", made.read_text("utf-8")))
    assert len(names) == 3, names  # each with its digest, wherever it is named
