"""What somebody wrote into a file must not run in a spreadsheet, and must come back as written."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalsite.lib.tabular import csv_lines, read_stream


def written(value: object) -> str:
    lines = "".join(csv_lines(["text"], [{"text": value}]))
    return next(csv.DictReader(io.StringIO(lines)))["text"]


def read_back(value: object) -> str:
    stream = io.BytesIO("".join(csv_lines(["text"], [{"text": value}])).encode())
    [row] = read_stream(stream, name="f.csv", required=["text"])
    return str(row.values["text"])


@pytest.mark.parametrize(
    "formula",
    [
        '=HYPERLINK("http://x","y")',
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "'=1",
        "-",
        "=",
        "+1 (555)",
        "-inf",
    ],
)
def test_a_formula_is_written_as_text(formula):
    assert written(formula) == "'" + formula
    assert read_back(formula) == formula


@pytest.mark.parametrize("plain", ["-3", "+2.5", "-1e-5", "a=1", "it's", "'quoted'", "", "⁻1"])
def test_numbers_and_plain_words_stay_as_they_are(plain):
    assert written(plain) == plain
    assert read_back(plain) == plain


def test_numbers_that_are_numbers_are_never_touched():
    assert written(-3) == "-3"
    assert written(-0.5) == "-0.5"


@given(st.text(alphabet="'=+-@\t1.e ax", min_size=1, max_size=8))
def test_every_text_comes_back(text):
    assert read_back(text) == text
