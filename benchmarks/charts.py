"""Draw charts.png of the JSON files in a folder: python -m benchmarks.charts FOLDER (needs matplotlib)."""

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

from benchmarks.bounds import Figures

mpl.use("Agg")
from matplotlib import pyplot as plt

LABELS = {"waiting": "jobs waiting", "groups": "groups", "processes": "worker processes", "payload": "payload, bytes"}


def bars(axes: Any, figures: Figures, title: str, name: str, label: str, log: bool = False) -> None:
    """One figure of every peer."""
    found = [(peer, value) for peer in figures.peers if (value := figures.median(title, peer, name)) is not None]
    colours = ["tab:red" if peer.startswith("glidemq_pb") else "tab:blue" for peer, _ in found]
    drawn = axes.barh([peer for peer, _ in found], [max(value, 0.01) for _, value in found], color=colours)
    axes.bar_label(drawn, labels=[f"{value:,.3g}" if value < 100 else f"{value:,.0f}" for _, value in found], padding=3)
    axes.invert_yaxis()
    axes.set_title(label)
    axes.margins(x=0.2)
    if log:
        axes.set_xscale("log")


def main(folder: Path) -> None:
    """All that there is."""
    compare = json.loads((folder / "compare.json").read_text())
    scale_file = folder / "scale.json"
    scale = json.loads(scale_file.read_text()) if scale_file.exists() else {}
    curves = [name for name in LABELS if scale.get(name)]
    figures = Figures(compare)
    c50 = figures.drain(50)
    panels = [
        (figures.drain(1), "jobs_per_s", "drain, concurrency 1: jobs/s", False),
        (figures.drain(10), "jobs_per_s", "concurrency 10: jobs/s", False),
        (c50, "jobs_per_s", "concurrency 50: jobs/s", False),
        (c50, "server_us_per_job", "server CPU, µs a job (c=50)", False),
        (c50, "worker_us_per_job", "worker CPU, µs a job (c=50)", False),
        (c50, "added_per_s", "bulk add: jobs/s", False),
        ("pickup", "p50_ms", "idle pickup p50, ms", False),
        ("delayed", "p99_ms", "delayed: late p99, ms (log)", True),
        (figures.titles("drain")[-1], "bytes_per_waiting_job", "server bytes a waiting job", False),
    ]
    height = max(2.0, 0.34 * len(figures.peers) + 0.8)
    rows = 3 + -(-len(curves) // 3)
    canvas, grid = plt.subplots(rows, 3, figsize=(17, height * rows), squeeze=False)
    cells = list(grid.flat)
    for cell, (title, name, label, log) in zip(cells, panels, strict=False):
        bars(cell, figures, title, name, label, log)
    for cell, name in zip(cells[len(panels) :], curves, strict=False):
        cell.plot([row["at"] for row in scale[name]], [row["jobs_per_s"] for row in scale[name]], "o-", color="tab:red")
        cell.set_ylim(bottom=0)
        cell.set_title(f"glidemq_pb: jobs/s by {LABELS[name]}")
        if name != "processes":
            cell.set_xscale("log")
    for cell in cells[len(panels) + len(curves) :]:
        cell.axis("off")
    canvas.tight_layout()
    canvas.savefig(folder / "charts.png", dpi=80)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
