"""The whole pipeline on the smoke configuration, and what it says to a wrong one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

PROJECT = Path(__file__).parents[2]
NAMES = ("learning", "sparsity", "strong_scaling", "weak_scaling")
CORES = 2


def snakemake(directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "snakemake", "--snakefile", PROJECT / "Snakefile", "--directory", directory]
    command += ["--cores", CORES, *arguments]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=1500, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which the smoke configuration has run."""
    directory = tmp_path_factory.mktemp("pipeline")
    run = snakemake(directory, "--configfile", PROJECT / "config" / "smoke.yaml")
    assert run.returncode == 0, run.stdout + run.stderr
    return directory


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < CORES, reason="the smoke configuration times two ranks on two cores")
class TestFinished:
    @pytest.mark.parametrize("name", NAMES)
    def test_figures_and_tables(self, finished: Path, name: str) -> None:
        starts = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}
        for kind, start in starts.items():
            figure = (finished / "results" / "figures" / f"{name}.{kind}").read_bytes()
            assert figure.startswith(start)
            assert len(figure) > 5000
        assert b"<text" in (finished / "results" / "figures" / f"{name}.svg").read_bytes()  # text stays text
        tables = finished / "results" / "tables"
        assert len(pd.read_csv(tables / f"{name}.csv")) > 0
        assert (tables / f"{name}.md").read_text(encoding="utf-8").startswith("|")
        assert "\\toprule" in (tables / f"{name}.tex").read_text(encoding="utf-8")

    def test_report_holds_all_figures(self, finished: Path) -> None:
        report = (finished / "results" / "report.html").read_text(encoding="utf-8")
        assert report.count("<svg") >= len(NAMES) or report.count("data:image") >= len(NAMES)

    def test_results_say_what_made_them(self, finished: Path) -> None:
        results = list((finished / "results" / "training").glob("*/seed-*.json"))
        results += list((finished / "results" / "scaling").glob("*/ranks-*.json"))
        assert results
        for file in results:
            result = json.loads(file.read_text(encoding="utf-8"))
            assert result["provenance"]
            assert "seed" in result

    def test_nothing_is_left_to_do(self, finished: Path) -> None:
        again = snakemake(finished, "--configfile", PROJECT / "config" / "smoke.yaml", "--dry-run")
        assert "Nothing to be done" in again.stdout + again.stderr


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["tasks", "digits", "network", "neurn"], {}, "no such key"),
        (["tasks", "digits", "network", "input", "connectivity", "probability"], -0.1, "greater than or equal to 0"),
        (["studies", "sparsity", "vary", "network.input.connectivity.probabilty"], [0.1], "probabilty"),
        (["scaling", "strong", "ranks"], [1, 10_000], "cores"),
    ],
)
def test_wrong_configuration_is_told_in_one_line(tmp_path: Path, path: list[str], value: object, message: str) -> None:
    configuration = yaml.safe_load((PROJECT / "config" / "smoke.yaml").read_text(encoding="utf-8"))
    section = configuration
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    file = tmp_path / "wrong.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    run = snakemake(tmp_path, "--configfile", file)
    assert run.returncode != 0
    lines = [line for line in (run.stdout + run.stderr).splitlines() if message in line]
    assert len(lines) == 1, run.stdout + run.stderr
    assert "wrong.yaml" in lines[0]
    assert not (tmp_path / "results").exists()
