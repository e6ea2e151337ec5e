"""Environments of the judges: each foreign client lives in a virtual environment of its own, built from its lock."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

_CACHE = Path(__file__).parent / ".envs"


def judge_python(folder: Path) -> Path:
    """The Python of the environment that `folder/requirements.lock` describes; built when the lock has changed.

    Raises RuntimeError with pip's words when the environment cannot be built.
    """
    lock = folder / "requirements.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    home = _CACHE / folder.name
    stamp = home / "built-from"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if stamp.exists() and stamp.read_text() == digest and python.exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(home)])
    # a lock is complete, so pip has nothing to resolve: --no-deps lets one leave out a dependency that is never used
    options = ["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps", "--require-hashes"]
    _run([str(python), "-m", "pip", "install", *options, "-r", str(lock)])
    stamp.write_text(digest)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} … failed:\n{done.stdout}{done.stderr}")
