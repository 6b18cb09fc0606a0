"""Tables that were changed by hand or by a spreadsheet: the right values, or one line with file, row and column."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest

from eprop_core.parsing import ParameterError
from small_results import DENSITY, changed, training_result
from workflow.scripts.baselines.collect import MEMORY
from workflow.scripts.reproduction.evidence import EVIDENCE
from workflow.scripts.shared import read_table
from workflow.scripts.shared.read_table import Amount, Count, Table
from workflow.scripts.studies import collect

TABLE = Table(
    {
        "task": str,
        "seed": Count,
        "kind": Literal["plastic", "static"],
        "time_s": Amount | None,
        "learned": bool,
        "note": str | None,
    },
    key=("task", "seed"),
    others=read_table.PATHS,
)
TEXT = """task,seed,kind,time_s,learned,note,network.delay
1,1,plastic,0.25,True,,2
1,2,static,,False,"a, b",null
"""


def read(directory: Path, content: str | bytes, table: Table | None = TABLE) -> pd.DataFrame:
    file = directory / "runs.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table.read(file, table)


def test_cells_have_the_types_of_their_columns(tmp_path: Path) -> None:
    table = read(tmp_path, TEXT)
    assert list(table["task"]) == ["1", "1"]
    assert list(table["seed"]) == [1, 2] and list(table["learned"]) == [True, False]
    assert table["time_s"][0] == 0.25 and table["time_s"].isna()[1] and table["note"].isna()[0]
    assert list(table["network.delay"]) == ["2", "null"]
    assert not table[~table["learned"]].empty


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace("\n", "\r\n"),
        TEXT + "\n",
        TEXT.replace("True", "TRUE").replace("False", "FALSE"),
        TEXT.replace("0.25", "2.5e-1").replace("1,1,", "1,1.0,"),
        TEXT.replace(",plastic,", ',"plastic",'),
    ],
)
def test_what_a_spreadsheet_writes_is_read_where_it_is_clear(tmp_path: Path, content: str | bytes) -> None:
    pd.testing.assert_frame_equal(read(tmp_path, content), read(tmp_path, TEXT))


def test_columns_may_have_another_order(tmp_path: Path) -> None:
    expected = read(tmp_path, TEXT)
    expected[expected.columns[::-1]].to_csv(tmp_path / "other.csv", index=False)
    other = read_table.read(tmp_path / "other.csv", TABLE)
    pd.testing.assert_frame_equal(other[list(expected)], expected)


def test_large_seeds_are_exact(tmp_path: Path) -> None:
    assert list(read(tmp_path, TEXT.replace("1,2,", f"1,{2**64 - 1},"))["seed"]) == [1, 2**64 - 1]


HEADER = TEXT.partition("\n")[0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.25", "fast", "row 2, time_s = 'fast': Input should be a valid number"),
        ("0.25", "nan", "row 2, time_s = 'nan': Input should be a finite number"),
        ("0.25", "inf", "row 2, time_s = 'inf': Input should be a finite number"),
        ("0.25", "-0.25", "row 2, time_s = '-0.25': Input should be greater than or equal to 0"),
        ("0.25", '"0,25"', "row 2, time_s = '0,25': Input should be a valid number"),
        ("0.25", "0,25", "row 2 has other columns than the first row"),
        ("1,2,static", "1,,static", "row 3, seed = '': Input should be a valid integer"),
        ("1,2,static", ",2,static", "row 3, task = '': Input should be a valid string"),
        ("1,2,static", "1,2.5,static", "row 3, seed = '2.5': Input should be a valid integer"),
        ("1,2,static", f"1,{10**30},static", "the column seed has a number that is too large"),
        ("1,2,static", "1,2,dynamic", "row 3, kind = 'dynamic': Input should be 'plastic' or 'static'"),
        ("True", "maybe", "row 2, learned = 'maybe': Input should be a valid boolean"),
        ("1,2,static", "1,1,static", "row 3 names the same as row 2: task = '1', seed = 1"),
        ("time_s", "seconds", "lacks the column time_s"),
        ("network.delay", "delay", "has a column 'delay', which such a table does not have"),
        ("note", "task", "the column 'task' comes twice"),
        ("task,", "task, ", "the column ' seed' has spaces around its name"),
        ("network.delay", "", "has a column '', which such a table does not have"),
        (",", ";", "columns are separated by ';', not by commas"),
        (",", "\t", "columns are separated by '\\t', not by commas"),
        (TEXT, "", "it is empty"),
        (TEXT, "\n", "it is empty"),
        (TEXT, f"{HEADER}\n", "has no row"),
        (",null\n", ",null", "it is cut off"),
        ("plastic", "\0", "it has a zero byte"),
    ],
)
def test_wrong_cells_are_named_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ParameterError) as error:
        read(tmp_path, TEXT.replace(old, new))
    text = str(error.value)
    assert text == f"{tmp_path}/runs.csv: {message}; expected a table of this suite (CSV)", text


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(ParameterError, match=r"runs\.csv: byte \d+ is no text; expected UTF-8"):
        read(tmp_path, TEXT.replace("a, b", "ä").encode(encoding))


def test_some_tables_may_be_empty(tmp_path: Path) -> None:
    assert read(tmp_path, ",".join(EVIDENCE.columns) + "\n", EVIDENCE).empty
    with pytest.raises(ParameterError, match="has no row"):
        read(tmp_path, ",".join(MEMORY.columns) + "\n", MEMORY)


def test_columns_of_a_table_of_any_kind_have_types(tmp_path: Path) -> None:
    (tmp_path / "any.csv").write_text("name,speed_up\nfast,2\n")
    columns: Mapping[str, Any] = {"speed_up": float | None, "efficiency": float | None}
    assert list(read_table.read_columns(tmp_path / "any.csv", columns)["speed_up"]) == [2.0]
    (tmp_path / "any.csv").write_text("name,speed_up\nfast,x\n")
    with pytest.raises(ParameterError, match=r"any\.csv: row 2, speed_up = 'x': Input should be a valid number"):
        read_table.read_columns(tmp_path / "any.csv", columns)


def test_the_runs_of_a_study_are_those_of_its_plan(tmp_path: Path) -> None:
    points = []
    for number, density in enumerate((0.5, 0.1)):
        point = dict.fromkeys(("variant", "series", "panel"), "") | {"task": "digits", "default": density == 0.1}
        files = [str(tmp_path / f"{number}-{seed}.json") for seed in (1, 2)]
        for seed, file in enumerate(files, start=1):
            changed(training_result(seed, density)).write(file)
        points.append(point | {"changes": {DENSITY: density}, "results": files})
    runs, _ = collect.collect(points, {}, margin=0.02)
    plan, file = {"points": points, "margin": 0.02}, tmp_path / "runs.csv"

    def reread(table: pd.DataFrame) -> pd.DataFrame:
        table.to_csv(file, index=False)
        return collect.read_runs(file, plan)

    assert len(reread(runs)) == 4
    with pytest.raises(ParameterError, match=r"runs\.csv: has 3 rows; expected the 4 runs of the study"):
        reread(runs.drop(index=2))
    with pytest.raises(ParameterError, match=r"runs\.csv: row 2, network\.input.* = 0\.1: must be 0\.5, as in"):
        reread(runs[::-1])
    with pytest.raises(ParameterError, match=r"runs\.csv: row 3, network\.input.* = '?2\.5'?: must be 0\.5"):
        reread(runs.assign(**{DENSITY: [0.5, 2.5, 0.1, 0.1]}))
