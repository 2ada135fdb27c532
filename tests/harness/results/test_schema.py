"""The schema of a row: everything that keeps or prints rows follows it."""

import dataclasses
import io
import math
import re

import numpy as np
import pandas as pd
import pytest

from priorlab.errors import UsageError
from priorlab.harness.results import schema
from priorlab.harness.results.schema import Outcome

ROW = {
    "prior": "nan",
    "task": "denoise:sigma=25",
    "image": "house",
    "seed": 2**63 - 1,
    "status": "ok",
    "psnr": math.inf,
    "ssim": 0.1 + 0.2,
    "seconds": None,
    "converged": False,
    "stop": 7,
    "channels": 4,
    "message": 'a comma, a "quote"',
    "cached": True,
    "key": "k",
    "lpips": 0.25,
}


def through_csv(table: pd.DataFrame) -> pd.DataFrame:
    """Rows written and read as the folder of a run does."""
    text = table.to_csv(index=False)
    return pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""])


def test_rows_have_every_column_of_an_outcome_but_the_internal_ones():
    fields = {field.name for field in dataclasses.fields(Outcome)}
    internal = {column.name for column in schema.OUTCOME if column.internal}
    assert internal == {"details", "wall", "degraded", "clean", "curve"}
    assert fields - internal <= set(schema.frame([ROW]).columns)
    assert not internal & set(schema.frame([ROW]).columns)


def test_metrics_come_after_the_status_and_psnr_first():
    names = list(schema.frame([ROW]).columns)
    assert names[4:9] == ["status", "psnr", "ssim", "lpips", "seconds"]
    assert list(schema.frame([ROW], metrics=[]).columns) == [n for n in names if n != "lpips"]


def test_each_column_says_in_a_sentence_what_it_means():
    said = schema.meanings()
    assert {"prior", "seconds", "converged", "oracle_psnr", "key"} <= set(said)
    assert not {"psnr", "ssim"} & set(said), "these have specifications"
    assert all(re.fullmatch(r"[A-Zok].{5,}\.", meaning) for meaning in said.values())


def test_rows_survive_a_csv_file():
    others = [ROW | {"converged": value, "seed": i} for i, value in enumerate((True, None))]
    table = schema.frame([ROW, *others])
    again = schema.frame(through_csv(table))
    pd.testing.assert_frame_equal(again, table)
    first = again.iloc[0]
    assert (first["prior"], first["seed"], first["psnr"]) == ("nan", 2**63 - 1, math.inf)
    assert first["ssim"] == 0.1 + 0.2, "not to the last bit"
    assert math.isnan(first["seconds"])
    assert again["converged"].tolist() == [False, True, pd.NA]
    assert again.loc[0, "output"] == "" and again.loc[0, "oracle_step"] is pd.NA


def test_columns_have_their_types_whatever_the_rows():
    found = schema.frame([ROW]).dtypes.astype(str).to_dict()
    assert found == schema.frame([]).dtypes.astype(str).to_dict() | {"lpips": "float64"}
    assert {found[name] for name in ("seed", "stop", "height")} == {"Int64"}
    assert {found[name] for name in ("psnr", "seconds", "oracle_psnr")} == {"float64"}
    assert {found[name] for name in ("cached", "converged")} == {"boolean"}


def test_rows_of_earlier_versions_are_understood():
    old = through_csv(
        pd.DataFrame([{**ROW, "peak": 5, "peak_psnr": 31.5, "beside": "uncertainty"}])
    )
    found = schema.frame(old.drop(columns=["converged", "channels"])).iloc[0]
    assert (found["oracle_step"], found["oracle_psnr"]) == (5, 31.5)
    assert found["extras"] == "uncertainty"
    assert found["converged"] is pd.NA and found["channels"] is pd.NA


def test_a_metric_may_have_the_name_that_a_column_had():
    found = schema.frame([ROW | {"oracle_step": 5, "peak": 0.5}]).iloc[0]
    assert (found["oracle_step"], found["peak"]) == (5, 0.5)


def test_rows_that_are_none_of_a_run():
    with pytest.raises(UsageError, match="no column seed, ssim; is this a run"):
        schema.frame([{k: v for k, v in ROW.items() if k not in ("seed", "ssim")}])


def test_rows_with_equal_labels_in_their_index():
    """As `pd.concat` leaves them."""
    both = pd.concat([schema.frame([ROW]), schema.frame([ROW | {"psnr": 20.0}])])
    assert schema.frame(both)["psnr"].tolist() == [np.inf, 20.0]
