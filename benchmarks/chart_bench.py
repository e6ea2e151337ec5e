"""How long charts take: `python -m benchmarks.chart_bench`. Warm: one process; cold: a fresh one, with imports."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from datetime import timedelta

from charts.render import render_png
from charts.specs import ChartSpec
from tests.charts.days import daily_bars, local_day, power_chart, soc_chart

RUNS, COLD_RUNS = 25, 5
TARGET_MS = 300
_COLD = """
import time
from benchmarks.chart_bench import samples
spec = samples()["power, a day, 4 lines"]
began = time.perf_counter()
from charts.render import render_png
render_png(spec)
print((time.perf_counter() - began) * 1000)
"""


def samples() -> dict[str, ChartSpec]:
    """One spec per kind of chart and size."""
    start, end = local_day(2026, 11, 22)
    day = power_chart(start, end, grid=True)
    return {
        "power, a day, 4 lines": day,
        "power, running, 5 lines": power_chart(start, end, grid=True, miners=True, as_of=start + timedelta(hours=14)),
        "power, a day with a gap": power_chart(
            start, end, gap=(start + timedelta(hours=13), start + timedelta(hours=15))
        ),
        "power, a week": power_chart(*local_day(2026, 11, 16, days=7)),
        "soc, a day": soc_chart(day),
        "energy, 7 days": daily_bars(local_day(2026, 11, 16)[0], 7),
        "energy, 30 days": daily_bars(local_day(2026, 10, 24)[0], 30),
    }


def main() -> int:
    """Prints the table; 1 when a median misses the target."""
    slow = False
    print(f"{'chart':<28}{'p50 ms':>9}{'p95 ms':>9}{'kB':>7}")
    for name, spec in samples().items():
        render_png(spec)
        times_ms = []
        for _ in range(RUNS):
            began = time.perf_counter()
            png = render_png(spec)
            times_ms.append((time.perf_counter() - began) * 1000)
        p50_ms, p95_ms = statistics.median(times_ms), statistics.quantiles(times_ms, n=20)[-1]
        slow = slow or p50_ms > TARGET_MS
        print(f"{name:<28}{p50_ms:>9.0f}{p95_ms:>9.0f}{len(png) / 1000:>7.0f}")
    cold_ms = [float(subprocess.check_output([sys.executable, "-c", _COLD])) for _ in range(COLD_RUNS)]
    print(f"{'cold: first chart, imports':<28}{statistics.median(cold_ms):>9.0f}{max(cold_ms):>9.0f}")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
