"""The distribution: sdist and wheel are built, and the wheel alone, in a fresh environment, runs the first tutorial."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
TUTORIAL = PROJECT / "docs" / "tutorials" / "first_network.md"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel of a copy of the project."""
    project = tmp_path_factory.mktemp("project")
    for part in ("LICENSE", "README.md", "pyproject.toml"):
        shutil.copy2(PROJECT / part, project)
    shutil.copytree(PROJECT / "eprop_core", project / "eprop_core", ignore=shutil.ignore_patterns("__pycache__"))
    for kind in ("build_wheel", "build_sdist"):
        program = f"import flit_core.buildapi; flit_core.buildapi.{kind}('dist')"
        (project / "dist").mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-c", program], cwd=project, check=True, capture_output=True)
    return project / "dist"


def test_sdist_and_wheel_hold_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    files = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in files} == {"eprop_core"}
    own = {file.relative_to(PROJECT).as_posix() for file in (PROJECT / "eprop_core").rglob("*.py")}
    assert own <= set(files)
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert own <= names
    assert "LICENSE" in names


def test_the_wheel_runs_the_first_tutorial_in_a_fresh_environment(built: Path, tmp_path: Path) -> None:
    """Packages that the wheel depends on are those of this environment, so that no network is needed."""
    (wheel,) = built.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "fresh"], check=True)
    python = tmp_path / "fresh" / "bin" / "python"
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    subprocess.run([python, "-m", "pip", "install", *options, wheel], check=True)
    (site,) = (tmp_path / "fresh" / "lib").glob("python*/site-packages")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")

    blocks = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    show = "import eprop_core; print(eprop_core.__file__, eprop_core.__version__)\n"
    (tmp_path / "tutorial.py").write_text(show + "\n".join(blocks), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"MPLBACKEND": "agg"}
    run = subprocess.run(
        [python, "tutorial.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    package, version = run.stdout.splitlines()[0].split()
    assert Path(package).is_relative_to(site)
    assert version == wheel.name.split("-")[1]

    listed = subprocess.run(
        [tmp_path / "fresh" / "bin" / "eprop-core", "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "describe" in listed.stdout
