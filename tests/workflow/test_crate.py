"""Results of a configuration in one archive."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from eprop_core.measurement.results import Result
from eprop_core.parsing import ParameterError
from small_results import PROVENANCE, changed, training_result

rocrate = pytest.importorskip("rocrate", reason="needs rocrate, which is in the environment of `make env`")
from workflow.lib import crate  # noqa: E402
from workflow.lib.plan import figure, table  # noqa: E402

CONFIGURATION = """\
tasks:
  mine:
    dataset: {name: digits}
    network: {n_recurrent: 20}
    training: {epochs: 4}
studies:
  learning: {tasks: [mine], seeds: [1, 2]}
"""


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and with files of all names that the pipeline gives to its results."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text(CONFIGURATION)
    plan = crate.read_plan([Path("mine.yaml")])
    for seed, result in enumerate(plan.results_of_report(), start=1):
        if "/studies/" in result:
            training_result(seed).write(result)
        else:
            Result(provenance=PROVENANCE).write(result)
    for network in plan.networks:
        Path(network).write_bytes(b"\x89HDF\r\n")
    for section in plan.sections():
        for name in (*figure(section["name"]), *table(section["name"])):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text("some content")
    Path("results/tables/other.csv").write_text("of another configuration")
    return Path("mine.yaml")


def packed(archive: Path) -> tuple[set[str], dict[str, Any]]:
    with zipfile.ZipFile(archive) as file:
        metadata = json.loads(file.read("ro-crate-metadata.json"))
        return set(file.namelist()), {entity["@id"]: entity for entity in metadata["@graph"]}


def test_the_archive_has_what_the_configuration_made_and_how(configured: Path) -> None:
    crate.pack([configured], Path("mine.zip"))
    files, entities = packed(Path("mine.zip"))
    assert {"configuration/mine.yaml", "workflow/Snakefile", "workflow/rules/studies.smk", "machines.json"} <= files
    assert {*figure("learning"), *table("learning")} <= files
    assert "results/tables/other.csv" not in files
    assert not any(name.endswith(".h5") for name in files)
    run = entities["#run"]
    assert run["instrument"] == {"@id": "workflow/Snakefile"}
    assert run["object"] == [{"@id": "configuration/mine.yaml"}]
    assert {"@id": "results/figures/learning.svg"} in run["result"]
    assert entities["workflow/Snakefile"]["version"] == PROVENANCE.code.commit
    assert run["startTime"] == PROVENANCE.date
    with zipfile.ZipFile("mine.zip") as file:
        (machine,) = json.loads(file.read("machines.json"))
    assert (machine["cpu"], machine["code"]["commit"]) == (PROVENANCE.cpu, PROVENANCE.code.commit)
    assert machine["results"] == len(crate.read_plan([configured]).results_of_report())


def test_networks_are_packed_if_wanted(configured: Path) -> None:
    crate.pack([configured], Path("mine.zip"), networks=True)
    files, _ = packed(Path("mine.zip"))
    assert set(crate.read_plan([configured]).networks) <= files


def test_no_path_and_no_name_of_the_machine_is_in_the_archive(configured: Path) -> None:
    crate.pack([configured], Path("mine.zip"), networks=True)
    with zipfile.ZipFile("mine.zip") as file:
        for name in file.namelist():
            assert not name.startswith("/")
            content = file.read(name)
            for secret in (Path.cwd(), crate.PROJECT, Path.home() / "", PROVENANCE.hosts[0] + '"'):
                assert str(secret).encode() not in content, (name, secret)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("results/figures/learning.svg", "results/figures/learning.svg contains .*, a path of this machine"),
        ("mine.yaml", "mine.yaml: tasks.mine.dataset.train: is an absolute path"),
    ],
)
def test_a_path_of_the_machine_is_refused(configured: Path, wrong: str, message: str) -> None:
    text = f"<svg>{Path.cwd()}</svg>"
    if wrong == "mine.yaml":
        text = CONFIGURATION.replace(
            "{name: digits}", "{name: events, train: /data/mine.h5, test_share: 0.2, n_steps: 10, duration: 1.0}"
        )
    Path(wrong).write_text(text)
    with pytest.raises(ParameterError, match=message):
        crate.pack([configured], Path("mine.zip"))
    assert not Path("mine.zip").exists()


def test_a_missing_result_is_told_and_leaves_nothing(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("results/tables/learning.md").unlink()
    monkeypatch.setattr("sys.argv", ["crate", "mine.zip", "--configfile", "mine.yaml"])
    with pytest.raises(SystemExit, match=r"^error: results/tables/learning.md is missing: run Snakemake"):
        crate.main()
    assert not Path("mine.zip").exists()


def test_runs_on_two_machines_are_both_described() -> None:
    other = changed(PROVENANCE, cpu="another CPU")
    described = crate.machines([PROVENANCE, other, changed(PROVENANCE, hosts=["elsewhere"])])
    assert [(machine["cpu"], machine["results"]) for machine in described] == [("some CPU", 2), ("another CPU", 1)]


@pytest.fixture
def validated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that returns what roc-validator objects to in an archive; it reads terms from a file, not the web."""
    reason = "needs roc-validator, which is in the environment of `make env`"
    services = pytest.importorskip("rocrate_validator.services", reason=reason)
    http = pytest.importorskip("rocrate_validator.utils.http", reason=reason)
    terms = requests.Response()
    terms.status_code, terms.encoding = 200, "utf-8"
    terms.headers["Content-Type"] = "application/ld+json"
    of_version_1_3 = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()
    terms._content = of_version_1_3.replace(b"https://bioschemas.org/terms/", b"https://bioschemas.org/")  # as in 1.1
    monkeypatch.setattr(http.HttpRequester, "get", lambda *_, **__: terms, raising=False)

    def objections(archive: Path) -> list[str]:
        with zipfile.ZipFile(archive) as file:
            file.extractall(tmp_path / "crate")
        settings = {"rocrate_uri": tmp_path / "crate", "profile_identifier": "workflow-run-crate-0.5"}
        settings |= {"offline": True, "skip_availability_check": True, "requirement_severity": "REQUIRED"}
        return [issue.message for issue in services.validate(settings).get_issues()]

    return objections


@pytest.mark.filterwarnings("ignore")  # of the validator's packages
def test_the_archive_follows_its_profile(configured: Path, validated: Any) -> None:
    crate.pack([configured], Path("mine.zip"), networks=True)
    assert validated(Path("mine.zip")) == []


@pytest.mark.filterwarnings("ignore")
def test_an_archive_that_does_not_follow_its_profile_is_noticed(
    configured: Path, validated: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crate.ROCrate, "add_action", lambda *_, **__: None)
    crate.pack([configured], Path("mine.zip"))
    assert validated(Path("mine.zip"))
