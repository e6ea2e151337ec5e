"""The command line as people use it: whole processes, real files."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
AT = "2026-11-24T12:00:00-08:00"
ANSWER_KEYS = {"text", "agent", "mode", "tools", "figures", "charts", "model_calls", "tokens", "elapsed_ms", "as_of"}


def cc(
    *arguments: str, stdin: str | None = None, code: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `commandcenter`; fail with its words when it ends with another code."""
    clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY")}
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        cwd=ROOT,
        env=clean | environment,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def _year_csv(path: Path) -> list[tuple[datetime, float]]:
    """Two weeks of hourly SOC up to noon of AT, with no pattern that an average would hide."""
    end = datetime(2026, 11, 24, 20, tzinfo=UTC)
    rows = [(end - timedelta(hours=14 * 24 - i), 30.0 + (i * 37 % 601) / 10) for i in range(14 * 24)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["taken_at", "soc_pct"])
        writer.writerows((at.isoformat(), value) for at, value in rows)
    return rows


def _figures(answer: dict[str, Any], unit: str) -> list[float]:
    return [f["value"] for f in answer["figures"] if f["unit"] == unit and isinstance(f["value"], int | float)]


def test_an_imported_file_answers_with_its_own_average(tmp_path: Path) -> None:
    rows = _year_csv(tmp_path / "year.csv")
    data = str(tmp_path / "data")
    assert "336 readings imported" in cc("import", str(tmp_path / "year.csv"), "--data", data).stdout
    question = "What was my average SOC over 7 days?"
    answer = json.loads(cc("ask", question, "--data", data, "--at", AT, "--json").stdout)
    expected = sum(value for _, value in rows[-168:]) / 168
    assert any(value == pytest.approx(expected, abs=0.051) for value in _figures(answer, "%")), answer
    assert f"{expected:.1f}" in answer["text"]
    assert answer["mode"] == "basic"
    assert set(answer) == ANSWER_KEYS
    exported = list(csv.DictReader(cc("export", "--data", data).stdout.splitlines()))
    assert [(row["taken_at"], float(row["soc_pct"])) for row in exported] == [(t.isoformat(), v) for t, v in rows]


def test_a_bad_line_costs_itself_alone_and_strict_imports_nothing(tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("taken_at,soc_pct\n2026-11-20T12:00:00Z,50\n2026-11-20T13:00:00Z,150\n", encoding="utf-8")
    strict = cc("import", str(file), "--strict", "--data", str(tmp_path / "strict"), code=3)
    assert "line 3: soc_pct: 150 % is outside 0 to 100" in strict.stderr
    assert not (tmp_path / "strict" / "commandcenter.db").exists()
    lenient = cc("import", str(file), "--data", str(tmp_path / "lenient"), code=3)
    assert "1 readings imported, 1 bad lines left out" in lenient.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("ask", "soc?", "--data", "DATA"), {}, "there is no database yet"),
        (("export", "--data", "DATA"), {"DATABASE_URL": "postgresql://x"}, "exclude each other"),
        (("run", "--role", "boss"), {}, "must be one of all, bot, worker, web"),
        (("run", "--data", "DATA"), {}, "which site?"),
        (("pair", "--data", "DATA", "--role", "king"), {}, "must be one of viewer, operator, owner"),
        (("simulate", "--scenario", "flood"), {}, "must be one of"),
        (("import", "nowhere.csv", "--data", "DATA"), {}, "nowhere.csv: cannot be read"),
        (("ask", "soc?", "--demo", "--at", "soon"), {}, '"soon" is not a time'),
        (("ask", "soc?", "--demo", "--at", "0001-01-01T00:00"), {}, "outside the years 2000 to 2100"),
        (("simulate", "--start", "9999-12-31"), {}, "outside the years 2000 to 2100"),
        (("export",), {"DATABASE_URL": "mysql://x/y"}, 'DATABASE_URL: database "mysql" is not supported'),
        (("export",), {"DATABASE_URL": "garbage"}, "DATABASE_URL: this is no address"),
        (("run", "--role", "worker"), {"REDIS_URL": "foo"}, "REDIS_URL: must start with"),
        (("demo", "--scenario", "flood"), {}, "--scenario flood: must be one of"),
    ],
)
def test_what_a_person_can_mend_is_said_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], environment: dict[str, str], said: str
) -> None:
    done = cc(*(str(tmp_path) if a == "DATA" else a for a in arguments), code=2, **environment)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_site_file_is_named_with_its_key(tmp_path: Path) -> None:
    text = (ROOT / "commandcenter.toml").read_text(encoding="utf-8").replace("min_soc_pct = 30", "min_soc_pct = 300", 1)
    (tmp_path / "commandcenter.toml").write_text(text, encoding="utf-8")
    done = cc("doctor", "--data", str(tmp_path), code=1)
    assert "limits.min_soc_pct: Input should be less than or equal to 100" in done.stdout


def test_a_database_from_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    data = str(tmp_path)
    cc("migrate", "--data", data)
    import sqlite3

    with sqlite3.connect(tmp_path / "commandcenter.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    done = cc("ask", "soc?", "--data", data, code=2)
    assert "newer" in done.stderr
    assert "Traceback" not in done.stderr


def test_pairing_codes_come_from_the_host(tmp_path: Path) -> None:
    (tmp_path / "commandcenter.toml").write_text(
        (ROOT / "commandcenter.toml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    data = str(tmp_path)
    code = cc("pair", "--data", data).stdout.splitlines()[0]
    assert len(code.replace("-", "")) >= 8
    assert "nobody yet" in cc("people", "--data", data).stdout


def test_the_demo_answers_from_a_pipe_and_ends(tmp_path: Path) -> None:
    questions = "What's my battery level?\nAverage solar yesterday?\nshow me the last 24 hours\n"
    done = cc("demo", "--data", str(tmp_path), stdin=questions)
    exported = list(csv.DictReader(cc("export", "--data", str(tmp_path)).stdout.splitlines()))
    assert "Ready after" in done.stdout
    assert "kW" in done.stdout
    assert {row["device_id"] for row in exported} == {"solark", "cerbo", "garage"}
    charts = list((tmp_path / "charts").glob("*.png"))
    assert charts, done.stdout
    assert charts[0].read_bytes().startswith(b"\x89PNG")


def test_the_demo_question_needs_no_data_folder(tmp_path: Path) -> None:
    arguments = ("ask", "How low did my battery go last night?", "--demo", "--at", AT, "--json")
    answer = json.loads(cc(*arguments, "--charts", str(tmp_path)).stdout)
    assert any(0 < value <= 100 for value in _figures(answer, "%"))
    again = json.loads(cc(*arguments, "--charts", str(tmp_path)).stdout)
    assert again["figures"] == answer["figures"]  # the same seed is the same world
