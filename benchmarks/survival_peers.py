"""What the survival benchmarks share: data, R and lifelines in processes of their own, and the figure."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CACHE = Path(os.environ.get("SUNDBENCH_BENCH", Path.home() / ".cache" / "sundbench-bench"))
LIFELINES = "lifelines==0.30.3"


@dataclass(frozen=True)
class Told:
    """What a program told: seconds without reading its data, and its coefficients."""

    seconds: float
    coef: np.ndarray


def say(line: str) -> None:
    """Print at once."""
    print(line, flush=True)


def written(columns: dict[str, np.ndarray], folder: Path) -> Path:
    """Columns as raw doubles, one after the other, with their names beside: any program reads these fast."""
    file = folder / "data.bin"
    np.stack([column.astype(np.float64) for column in columns.values()]).tofile(file)
    (folder / "names.txt").write_text("\n".join(columns))
    return file


def read(folder: Path) -> dict[str, np.ndarray]:
    """The columns again."""
    names = (folder / "names.txt").read_text().split("\n")
    return dict(zip(names, np.fromfile(folder / "data.bin").reshape(len(names), -1), strict=True))


R_READ = """
arguments <- commandArgs(trailingOnly = TRUE)
suppressPackageStartupMessages(library(survival))
names <- readLines(file.path(arguments[1], "names.txt"), warn = FALSE)
size <- file.size(file.path(arguments[1], "data.bin")) / 8
d <- as.data.frame(matrix(readBin(file.path(arguments[1], "data.bin"), "double", size), ncol = length(names)))
names(d) <- names
covariates <- paste(grep("^x", names, value = TRUE), collapse = " + ")
tell <- function(seconds, coef) cat(sprintf(
    '{"seconds": %.6f, "coef": [%s]}\\n', seconds, paste(sprintf("%.17g", coef), collapse = ", ")))
"""


def in_r(program: str, folder: Path, limit: float) -> Told | None:
    """Run an R program on the folder's data; None if it takes too long."""
    script = folder / "program.R"
    script.write_text(R_READ + program)
    return told(["Rscript", str(script), str(folder)], limit)


def in_lifelines(program: str, folder: Path, limit: float) -> Told | None:
    """Run a Python program on the folder's data with lifelines; None if it takes too long."""
    script = folder / "program.py"
    script.write_text(program)
    return told([str(lifelines_python()), str(script), str(folder)], limit)


def told(command: list[str], limit: float) -> Told | None:
    """Run a command that prints seconds and coefficients as its last line; None if it takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        raise SystemExit(f"{command[0]}: exit {done.returncode}\n{done.stderr[-2000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    return Told(answer["seconds"], np.array(answer["coef"]))


def lifelines_python() -> Path:
    """The Python of an environment that holds lifelines, which needs an older pandas; made once."""
    python = CACHE / "lifelines" / "bin" / "python"
    if not python.exists():
        say(f"  making an environment with {LIFELINES}")
        subprocess.run([sys.executable, "-m", "venv", str(CACHE / "lifelines")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", LIFELINES, "pandas<3"], check=True)
    return python


def timed(call: Callable[[], np.ndarray], repeats: int) -> Told:
    """The median time of a call here, after one that isn't counted."""
    coef = call()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        coef = call()
        seconds.append(time.perf_counter() - started)
    return Told(statistics.median(seconds), coef)


def compare(
    name: str, ours: Told, theirs: Told | None, *, limit: float, least: float | None, within: float
) -> bool:
    """Print both sides; whether ours is fast enough and the coefficients agree."""
    if theirs is None:
        ratio = limit / ours.seconds
        say(f"    {name}: more than {limit:.0f} s, at least {ratio:.0f} times as long")
        return least is None or ratio >= least
    apart = float(np.abs(ours.coef - theirs.coef).max())
    ratio = theirs.seconds / ours.seconds
    asked = "" if least is None else f" (asked: {least:.0f})"
    said = f"{theirs.seconds:.2f} s, {ratio:.1f} times as long{asked}"
    say(f"    {name}: {said}; coefficients differ by {apart:.1e}")
    return apart <= within and (least is None or ratio >= least)


def figure(title: str, seconds: dict[str, dict[int, float]], file: Path) -> None:
    """Draw how time grows with the rows, on logarithmic axes."""
    import matplotlib.pyplot as plt

    drawing, axes = plt.subplots(figsize=(6.5, 4.2))
    for name, points in seconds.items():
        axes.plot(list(points), list(points.values()), marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel="seconds", title=title)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False)
    drawing.tight_layout()
    file.parent.mkdir(parents=True, exist_ok=True)
    drawing.savefig(file)
    plt.close(drawing)
    say(f"  figure: {file}")


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder for the data that programs hand over."""
    return tempfile.TemporaryDirectory(prefix="sundbench-survival-")
