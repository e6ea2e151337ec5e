"""`make bench`: every benchmark, one table after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "store_bench",
    "chart_bench",
    "crew_bench",
    "chat_bench",
    "control_bench",
    "alert_noise",
    "alert_load",
    "alert_speed",
    "alert_drain",
    "kill_storm",
    "process_bench",
)


def main() -> int:
    """Run all; 1 when one of them missed a target or failed."""
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode for name in BENCHMARKS
    ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
