"""The source code that a job depends on is exactly what its program imports, by content and by name in the checkout."""

import re
import shutil
from pathlib import Path

import grimp
import pytest

import imports
from workflow.lib import sources

PROJECT = Path(__file__).parents[2]
RULES = "".join(file.read_text(encoding="utf-8") for file in sorted((PROJECT / "workflow" / "rules").glob("*.smk")))
PROGRAMS = sorted(set(re.findall(r'code\(\s*"([\w.]+)"', RULES)))
"""Programs that rules run."""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's sources, of which listings are made."""
    for package in sources.PACKAGES:
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    return tmp_path


def listings() -> dict[str, dict[str, str]]:
    sources.content_hash.cache_clear()
    return {program: sources.listing(program) for program in PROGRAMS}


def module_of(file: Path) -> str:
    """Return the name of the module that a file of the checkout holds."""
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


def imported_by(program: str) -> set[str]:
    """Return the modules that a program imports or starts, the packages around them, and what these import."""
    graph = grimp.build_graph(*sources.PACKAGES, exclude_type_checking_imports=True, cache_dir=None)
    for module in list(graph.modules):
        package = module.rpartition(".")[0]
        for imported in (*sources.STARTED.get(module, ()), package):
            if imported in graph.modules:
                graph.add_import(importer=module, imported=imported)
    return {program} | graph.find_upstream_modules(program)


def test_rules_name_their_programs() -> None:
    assert len(PROGRAMS) > 25
    assert len(RULES.split("code(")) - 1 == len(re.findall(r'code\(\s*"[\w.]+"', RULES))


def test_a_changed_file_changes_only_the_listings_of_programs_that_import_it(checkout: Path) -> None:
    """All files are changed at once; a listing names its files, so it shows which of them change it."""
    before = listings()
    files = [file for package in sources.PACKAGES for file in sorted((checkout / package).rglob("*.py"))]
    for file in files:
        with file.open("a", encoding="utf-8") as opened:
            opened.write("\nchanged = True\n")
    after = listings()
    paths = {file.relative_to(checkout) for file in files}
    programs_of_nest = {path for path in paths if path.parent.name == "nest"}
    for program in PROGRAMS:
        changed = {name for name, digest in after[program].items() if before[program][name] != digest}
        modules = imported_by(program) - set(sources.WITHOUT_INFLUENCE)
        expected = {path.as_posix() for path in paths - programs_of_nest if module_of(path) in modules}
        assert {name for name in changed if Path(name) not in programs_of_nest} == expected, program


NAMED_PROGRAM = r'(?:_outcomes|nest_programs\.call)\([^"\n]*"(\w+)"'


def source_of_nest(module: str) -> str:
    return (PROJECT / "eprop_core" / "verification" / f"{module}.py").read_text(encoding="utf-8")


def test_programs_for_another_interpreter_are_listed_with_the_files_beside_them(checkout: Path) -> None:
    """Python cannot say what they import: the interpreter that has NEST runs them."""
    nest = "eprop_core/interoperability/nest/"
    listed = listings()
    # What starts them names each of them.
    started = {name for file in ("nest", "published") for name in re.findall(NAMED_PROGRAM, source_of_nest(file))}
    assert len(started) == 4
    expected = {"eprop_core.experiments.verification.__main__": started | {"devices", "network"}}
    for program in PROGRAMS:
        found = {Path(name).stem for name in listed[program] if name.startswith(nest)}
        assert found == expected.get(program, set()), program


def test_comments_docstrings_and_descriptions_do_not_change_listings(checkout: Path) -> None:
    before = listings()
    for package in sources.PACKAGES:
        for file in (checkout / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if text.startswith('"""'):
                text = '"""Other words.\n' + text.removeprefix('"""')
            text = re.sub(r'description="', 'description="Other words: ', text)
            file.write_text(f"# A comment.\n{text}\n# Another one.\n", encoding="utf-8")
    assert listings() == before


def test_place_and_date_of_a_checkout_do_not_change_listings(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = listings()
    monkeypatch.setattr(sources, "ROOT", PROJECT)
    assert listings() == there


def test_text_that_the_report_shows_is_listed(checkout: Path) -> None:
    before = listings()
    with (checkout / "workflow" / "report" / "study.rst").open("a", encoding="utf-8") as file:
        file.write("More.\n")
    after = listings()
    assert [program for program in PROGRAMS if after[program] != before[program]] == ["workflow.scripts.report.page"]


def test_python_loads_no_module_that_is_not_listed() -> None:
    """An import by a name in a string, which the graph of imports does not show, would be missing."""
    listed = listings()
    irrelevant = set(sources.WITHOUT_INFLUENCE)
    for program, modules in imports.modules_by_program(PROGRAMS).items():
        assert len(modules) > 1
        assert modules - irrelevant <= {module_of(Path(name)) for name in listed[program]}, program
