"""Draw the quality of each prior of a run against the seconds it takes, from the run's table.

python benchmarks/quality_against_time.py results/photos denoise:sigma=25 -o curve.png
"""

import argparse
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from priorlab import plugins

COLOURS = {
    "priorlab_handcrafted": "#0072b2",
    "priorlab_learned": "#009e73",
    "priorlab_dip": "#d55e00",
}
"""By the plugin of the prior; told apart by colour-blind readers too."""
NAMES = {
    "priorlab_handcrafted": "handcrafted",
    "priorlab_learned": "learned from photographs",
    "priorlab_dip": "learned from the picture itself",
}
INK, GRID, FAINT = "#141414", "#e1e1e1", "#6e6e6e"


def family(spec: str) -> str:
    (prior,) = plugins.load().build_priors(spec)
    return type(prior).__module__.partition(".")[0]


def draw(rows: pd.DataFrame, title: str) -> Figure:
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots()
    rows = rows.assign(family=rows["prior"].map(family)).sort_values("psnr", ascending=False)
    for module, group in rows.groupby("family"):
        colour, name = COLOURS.get(module, INK), NAMES.get(module, module)
        axes.scatter(group["seconds"], group["psnr"], s=45, color=colour, label=name, zorder=3)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("seconds for an image")
    axes.set_title("PSNR in dB", loc="left", color=FAINT, fontsize=10)
    figure.suptitle(title)
    axes.grid(color=GRID)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(0.15, 1.07), ncols=3)
    axes.margins(x=0.15)
    taken: list[tuple[float, float]] = []
    for row in rows.itertuples():
        # The name stands beside its dot, or below the name that is there already.
        x, y = axes.transData.transform((row.seconds, row.psnr))
        at = y
        while any(abs(at - b) < 16 and abs(x - a) < 110 for a, b in taken):
            at -= 4
        taken.append((x, at))
        axes.annotate(
            row.prior,
            (row.seconds, row.psnr),
            xytext=(10, at - y),
            textcoords="offset pixels",
            va="center",
            fontsize=9,
            color=COLOURS.get(row.family, INK),
            arrowprops={"arrowstyle": "-", "color": FAINT} if y - at > 8 else None,
            parse_math=False,
        )
    return figure


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("task")
    parser.add_argument("--without", default="degraded", help="priors to leave out")
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    rows = pd.read_csv(given.run / "images.csv")
    rows = rows[(rows["task"] == given.task) & (rows["status"] == "ok")]
    means = rows.groupby("prior", as_index=False).agg({"psnr": "mean", "seconds": "median"})
    means = means[~means["prior"].isin(given.without.split(","))]
    draw(means, f"{given.task} on {rows['image'].nunique()} images").savefig(given.output, dpi=100)


if __name__ == "__main__":
    main()
