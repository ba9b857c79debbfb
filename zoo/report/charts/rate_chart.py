"""Rate-distortion: points of the network and its files, beside curves of other formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.report.charts.svg import BLUE, MUTED, ORANGE, PURPLE, TEAL, Chart, draw, is_narrow
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SIZE, _NARROW = (760.0, 420.0), 420.0
_CURVES = (ORANGE, TEAL, PURPLE)


def rate_chart(details: Mapping[str, Mapping[str, Any]], subject: str) -> Chart:
    """Curves of other formats, and a point for the network and for each of its files.

    Args:
        details: Of evaluations by subject, with ``point``: bits per pixel and PSNR in decibels; and
            of the network ``curves``: such points for each quality of a format.
        subject: The network.
    """
    curves = details[subject]["curves"]
    points = {name: told["point"] for name, told in details.items() if "point" in told}
    files = {name: point for name, point in points.items() if name != subject}

    def paint(figure: Figure) -> None:
        ticker = require("matplotlib.ticker")
        axes = figure.add_subplot()
        for (name, curve), colour in zip(curves.items(), _CURVES, strict=False):
            rates, ratios = zip(*sorted(curve), strict=True)
            axes.plot(rates, ratios, color=colour, marker="o", markersize=4, label=fmt.plain(name))
        if files:
            xs, ys = zip(*files.values(), strict=True)
            axes.scatter(xs, ys, s=70, facecolor="none", edgecolor=BLUE, label="its files")
        if subject in points:
            x, y = points[subject]
            axes.scatter([x], [y], s=46, color=BLUE, zorder=5, label="the network")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.4g}"))
        axes.xaxis.set_minor_formatter(ticker.NullFormatter())
        axes.set_xlabel("bits per pixel", color=MUTED)
        axes.set_ylabel("PSNR, dB", color=MUTED)
        axes.legend(loc="upper left", ncols=2 if is_narrow(figure) else 4, frameon=False)
        axes.margins(y=0.2)

    told = "Higher and further left is better; the horizontal axis is logarithmic."
    if "counted" in details[subject]:
        told += f" Counted: {details[subject]['counted']}."
    formats = ", ".join(map(fmt.plain, curves))
    alt = f"PSNR against bits per pixel, of {fmt.plain(subject)} beside {formats}. {told}"
    wide, narrow = draw("rate-distortion", alt, _SIZE, paint, _NARROW)
    rows = [
        (fmt.plain(name), f"{rate:.4f}", f"{ratio:.2f}") for name, (rate, ratio) in points.items()
    ]
    for name, curve in curves.items():
        rows += [(fmt.plain(name), f"{rate:.4f}", f"{ratio:.2f}") for rate, ratio in sorted(curve)]
    table = ("file or format", "bits per pixel", "PSNR, dB"), rows, "lrr"
    return Chart(wide, told, table, narrow)
