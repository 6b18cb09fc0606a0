"""Configuration files: what YAML would execute, hide or guess is refused in one line with the line of the file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eprop_core import configuration
from eprop_core.parsing import ParameterError
from workflow import yaml_file
from workflow.lib import configuration_file

PROJECT = Path(__file__).parents[2]
BILLION = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join(10 * [f'*{before}'])}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)
BILLION_OF_KEYS = "a: &a {k0: 1, k1: 1, k2: 1, k3: 1, k4: 1, k5: 1, k6: 1, k7: 1, k8: 1, k9: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join(10 * [f'*{before}'])}]}}\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)
CHAIN = "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40))
"""Lists side by side, each of which holds the one before."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my.yaml"


@pytest.mark.parametrize("path", sorted((PROJECT / "config").glob("*.yaml")), ids=lambda path: path.name)
def test_files_of_the_project_are_read(path: Path) -> None:
    assert yaml_file.read(path).inner


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "a.b: the key comes twice, first in line 2 (line 4)"),
        ('{"a": {"b": 1,\n"b": 2}}', "a.b: the key comes twice, first in line 1 (line 2)"),
        ("a: 1\nb: &x\n  c: [*x]\n", "b.c.0: contains an alias of itself (line 2)"),
        ("a: &x {<<: *x}\n", "a.<<: contains an alias of itself (line 1)"),
        ("a: " + 31 * "[" + 31 * "]", "sections must not be nested deeper than 30 (line 1)"),
        ("a: " + 99999 * "[", "sections must not be nested deeper than 30 (line 1)"),
        (CHAIN, "sections must not be nested deeper than 30"),
        (BILLION, "f: more than 1000000 values, counting those that aliases repeat (line 6)"),
        (BILLION_OF_KEYS, "more than 1000000 values, counting those that aliases repeat (line 6)"),
        ("\n\na: " + 5000 * "9", "999...: a number must have at most 40 characters (line 3)"),
        ("a: no", "a: no is false to YAML: write what is meant, in quotes if it is text (line 1)"),
        ("a: [1, On]", "a.1: On is true to YAML"),
        ("a: 010", "a: 010 is 8 to YAML"),
        ("a: -0_7", "a: -0_7 is -7 to YAML"),
        ("a: 1:30", "a: 1:30 is a number to the base of 60 to YAML"),
        ("a: 1:30.5", "a: 1:30.5 is a number to the base of 60 to YAML"),
        ("a: 2025-01-01", "a: 2025-01-01 is a date to YAML"),
        ("a: {no: 1}", "a.no: this key is true or false to YAML: put it in quotes (line 1)"),
        ("a: {1: 1}", "a.1: this key is a number to YAML: put it in quotes (line 1)"),
        ("a: {~: 1}", "a.~: this key is null to YAML: put it in quotes (line 1)"),
        ("a: {? [1] : 1}", "a: a key must be text, not a list or a section (line 1)"),
        ("a: !!python/name:os.system ''", "a: the tag tag:yaml.org,2002:python/name:os.system is not allowed (line 1)"),
        ("a: !!python/object/apply:os.system [ls]", "is not allowed (line 1)"),
        ("a: !!set {b}", "a: the tag tag:yaml.org,2002:set is not allowed (line 1)"),
        ("a: 1\n__use_yte__: true", "__use_yte__: would make the configuration a program, but it is data (line 2)"),
        ("__definitions__: []", "__definitions__: would make the configuration a program"),
        ("a: 1\n  b: 2\n", "no valid YAML: mapping values are not allowed here (line 2)"),
        ("a: *b", "no valid YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", "no valid YAML: but found another document (line 2)"),
        ("a: 1\nb: \0", r"no valid YAML: the character \x00 is not allowed (line 2)"),
        ("a: \x7f", r"no valid YAML: the character \x7f is not allowed (line 1)"),
        ("- a", "must be keys with values, `key: value` (line 1)"),
        ("", "must be keys with values, `key: value` (line 1)"),
        ("# nothing", "must be keys with values, `key: value` (line 1)"),
        ("a:\t{b: 1\t}\nc: [1\t]", "no valid YAML: found character '\\t' that cannot start any token (line 1)"),
        ("digits", "must be keys with values, `key: value` (line 1)"),
    ],
)
def test_what_would_be_executed_hidden_or_guessed_is_refused(file: Path, text: str, message: str) -> None:
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        yaml_file.read(file)
    assert str(error.value).startswith(f"{file}: ")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1 and str(error.value).isprintable()


@pytest.mark.parametrize(
    "text", ["{}", "a: 5e-3\nb: [true, False, null, 0, 0.5, 'no', \"010\", x:y]", '{"a":\t1}', "\ufeffa: 1"]
)
def test_other_files_are_read(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    yaml_file.read(file)


def test_a_file_must_be_text_and_there(file: Path) -> None:
    with pytest.raises(ParameterError, match="No such file or directory"):
        yaml_file.read(file)
    file.write_bytes(b"a: 1\n# Gr\xf6\xdfe\n")
    with pytest.raises(ParameterError, match=r"my.yaml: byte 0xf6 is not UTF-8 \(line 2\)"):
        yaml_file.read(file)
    with pytest.raises(ParameterError, match="must be a regular file"):
        yaml_file.read(file.parent)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("studies.a.seeds.1 = -1: too small", 5),
        ("studies.a: another figure has this name", 3),
        ("studies.a.variants.b: c: network.input.delay = 0: too small", 8),
        ("studies.a.variants.d: digits: network.dt = 0: too small", 9),
        ("studies.a.serieses: no such key", 3),
        ("tasks.merged.epochs = 0: too small", 11),
    ],
)
def test_a_message_gets_the_line_of_its_key(file: Path, message: str, line: int) -> None:
    file.write_text(
        """other: {}
studies:
  a:
    seeds:
      [1, -1]
    variants:
      "b: c":
        network.input.delay: 0
      d: {network.dt: 0}
tasks:
  base: &base {epochs: 0}
  merged:
    <<: *base
""",
        encoding="utf-8",
    )
    assert configuration_file.with_lines(f"x: {message}", "x", [file]) == f"x: {message} (line {line})"


def test_the_last_of_several_files_counts(file: Path) -> None:
    other = file.with_name("other.yaml")
    file.write_text("a: {b: 1,\nc: 2}", encoding="utf-8")
    other.write_text("\n\na: {b: 3}", encoding="utf-8")
    both = [file, other]
    assert configuration_file.with_lines("x: a.b = 3: bad", "x", both) == f"x: a.b = 3: bad ({other}, line 3)"
    assert configuration_file.with_lines("x: a.c = 2: bad", "x", both) == f"x: a.c = 2: bad ({file}, line 2)"
    assert configuration_file.with_lines("x: d: required", "x", both) == "x: d: required"


def test_the_files_on_a_command_line_are_found() -> None:
    found = configuration_file.named_files(
        ["--cores", "2", "--configfile", "a.yaml", "b.yaml", "-n", "--configfiles=c.yaml", "--", "--configfile", "d"]
    )
    assert list(map(str, found)) == ["a.yaml", "b.yaml", "c.yaml"]
    both = configuration_file.named_files(["--configfile", "a.yaml", "--config", "style={font_size: 9}", "-n"])
    assert list(map(str, both)) == ["a.yaml"]


@pytest.mark.parametrize("options", [("--dry-run",), ("--cores", "1", "--unlock")])
def test_snakemake_does_not_execute_a_configuration(file: Path, options: tuple[str, ...]) -> None:
    trace = file.with_name("executed")
    file.write_text(
        f"__use_yte__: true\n__definitions__:\n  - import pathlib\n  - pathlib.Path('{trace}').touch()\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "snakemake", *options, "--snakefile", str(PROJECT / "Snakefile")]
    command += ["--directory", str(file.parent), "--configfile", str(file)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, env=os.environ)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        f"{file}: __use_yte__: would make the configuration a program, but it is data (line 1)"
    )
    assert not trace.exists()


def test_a_file_that_is_far_too_long_is_not_read(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(2**32)
    with pytest.raises(ParameterError, match=f"has {2**32} bytes; at most {yaml_file.LARGEST_FILE} are allowed"):
        yaml_file.read(file)


def test_a_file_with_a_line_break_in_its_name_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "my\n.yaml"
    file.write_text("nothing: 1", encoding="utf-8")
    with pytest.raises(ParameterError) as raised:
        configuration.load({"nothing": 1}, str(file))
    (line,) = configuration_file.with_lines(str(raised.value), str(file), [file]).splitlines()
    assert r"my\n.yaml: nothing: no such key" in line
    assert line.endswith("(line 1)")
    file.write_text("a: no", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"my\\n\.yaml: a: no is false"):
        yaml_file.read(file)
