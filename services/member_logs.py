"""Member logs as files: what the members of a forecast said before, beside the models that they belong to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from energy.forecast.hours import DAY_S
from energy.forecast.member_log import MemberLog

_MEMBER = "member:"
LEARNED_AHEAD_S = 2 * DAY_S  # what is said further ahead is not what the blend is judged by


class LogDamaged(ValueError):
    """The file is not a member log, or a part of one."""


def read(path: Path) -> MemberLog | None:
    """The log, None where there is none yet. Raises `LogDamaged`."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = MemberLog(
                issued_s=arrays["issued_s"],
                starts_s=arrays["starts_s"],
                members={name[len(_MEMBER) :]: arrays[name] for name in arrays.files if name.startswith(_MEMBER)},
                p50=arrays["p50"],
                scale=arrays["scale"],
                group=arrays["group"],
            )
    except FileNotFoundError:
        return None
    except Exception as error:  # a file that was cut off fails in many ways
        raise LogDamaged(f"{path.name} cannot be read ({type(error).__name__}): it begins anew") from error
    sizes = {each.size for each in (found.issued_s, found.starts_s, found.p50, found.scale, found.group)}
    if len(sizes | {each.size for each in found.members.values()}) != 1:
        raise LogDamaged(f"{path.name} has columns of different lengths: it begins anew")
    return found


def write(path: Path, log: MemberLog) -> None:
    """Write the log in one move: a reader sees the old one or the new one. Raises `OSError`."""
    kept = near(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    columns: dict[str, NDArray[Any]] = {
        "issued_s": kept.issued_s,
        "starts_s": kept.starts_s,
        "p50": kept.p50,
        "scale": kept.scale,
        "group": kept.group,
        **{f"{_MEMBER}{name}": values for name, values in kept.members.items()},
    }
    try:
        with beside.open("wb") as file:
            np.savez(file, allow_pickle=False, **columns)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)  # on a full disk a part of a file would take what is left


def near(log: MemberLog) -> MemberLog:
    """The log without what was said of hours more than two days ahead."""
    ahead = log.starts_s - log.issued_s < LEARNED_AHEAD_S
    return MemberLog(
        log.issued_s[ahead],
        log.starts_s[ahead],
        {name: values[ahead] for name, values in log.members.items()},
        log.p50[ahead],
        log.scale[ahead],
        log.group[ahead],
    )
