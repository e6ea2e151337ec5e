"""Trained models as files: pickles that are loaded only from the models' folder, and only as they were written."""

from __future__ import annotations

import hashlib
import os
import pickle
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

FOLDER = "models"


class ModelUnusable(ValueError):
    """The file is missing, was changed, or is of another version; the forecast goes on without it."""


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model's file below the folder of all models, and the SHA-256 of what was written."""

    folder: Path
    path: str
    sha256: str
    version: str


@dataclass(frozen=True, slots=True)
class _Written:
    """What a file holds: the model, and the version of the library that its estimators need."""

    model: Any
    library: str


def load(ref: ModelRef, version: str) -> Any:
    """The model. A pickle can do anything, so what is not exactly what training wrote is refused (`ModelUnusable`).

    So is what another version than `version` of the forecast wrote, or another version of the library: it may well be
    read, and fail or err later.
    """
    written = _loaded(ref)
    found = getattr(written.model, "version", None) if isinstance(written, _Written) else None
    if found != version or written.library != _library():
        raise ModelUnusable(
            f"the model {ref.version} was made by another version of CommandCenter or of its libraries: "
            "tonight's training makes a new one"
        )
    return written.model


def _library() -> str:
    return installed("scikit-learn")


@lru_cache(maxsize=4)
def _loaded(ref: ModelRef) -> Any:
    file = (ref.folder / ref.path).resolve()
    if not file.is_relative_to(ref.folder.resolve()):
        raise ModelUnusable(f"the model {ref.version} lies outside of the models' folder: it is not used")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelUnusable(
            f"the model {ref.version} is not on this machine ({error.strerror}): tonight's training makes a new one"
        ) from error
    if hashlib.sha256(content).hexdigest() != ref.sha256:
        raise ModelUnusable(f"the file of model {ref.version} was changed since its training: it is not used")
    try:
        return pickle.loads(content)
    except Exception as error:  # whatever a class that has changed since raises
        raise ModelUnusable(
            f"the model {ref.version} is of another version of CommandCenter ({type(error).__name__}): "
            "tonight's training makes a new one"
        ) from error


def save(folder: Path, path: str, model: Any) -> str:
    """Write a model in one move; the SHA-256 of what was written."""
    content = pickle.dumps(_Written(model, _library()), protocol=pickle.HIGHEST_PROTOCOL)
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return hashlib.sha256(content).hexdigest()
