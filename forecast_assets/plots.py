"""Plots for people who look rather than read, as PNG images inside Markdown."""

import base64
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from forecast_assets.features import Features
from forecast_assets.history import History
from forecast_assets.store.contract import Fan

BANDS = ((0.025, 0.975, "95 %"), (0.1, 0.9, "80 %"), (0.25, 0.75, "50 %"))
CONTEXT_SESSIONS = 40
"""Sessions of history before a fan."""
DOTS_PER_INCH = 80
COLUMNS = 2


def price_plot(history: History, unit: str) -> str:
    """All closes of a commodity, as Markdown."""
    figure = Figure(figsize=(8, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot(history.dates, history.closes, linewidth=0.8)
    axes.set_ylabel(unit)
    axes.set_title(f"{history.commodity}: {len(history)} closes up to {history.newest}")
    axes.grid(alpha=0.3)
    return _markdown(figure, f"closes of {history.commodity}")


def feature_plot(features: Features, units: Mapping[str, str]) -> str:
    """Each covariate as it was known at every session, as Markdown."""
    count = len(features.present)
    figure = Figure(figsize=(8, 1.8 * count + 0.6), layout="constrained")
    panels = figure.subplots(count, squeeze=False, sharex=True).flat
    for panel, feature in zip(panels, features.present, strict=True):
        panel.plot(features.sessions, feature.values, linewidth=0.8)
        unit = units[feature.name]
        panel.set_ylabel(f"{feature.name} ({unit})" if unit else feature.name)
        panel.grid(alpha=0.3)
    figure.axes[-1].set_xlabel("session")
    figure.suptitle(f"{features.commodity}: covariates as known at each close")
    return _markdown(figure, f"covariates of {features.commodity}")


def fan_chart(history: History, fans: Mapping[str, Fan], unit: str) -> str:
    """The newest forecast of each model over the last closes, as Markdown."""
    rows = -(-len(fans) // COLUMNS)
    figure = Figure(figsize=(8, 2.8 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharey=True).flat
    for panel, (name, fan) in zip(panels, fans.items(), strict=False):
        _draw_fan(panel, history.known_at(fan.cutoff), fan)
        panel.set_title(f"{name}, from {fan.start}", fontsize=9)
        panel.set_ylabel(unit)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=7)
    for unused in list(panels)[len(fans) :]:
        unused.set_visible(False)
    figure.suptitle(f"{history.commodity}: the next sessions, by model")
    return _markdown(figure, f"forecasts of {history.commodity}")


def _draw_fan(axes: Axes, history: History, fan: Fan) -> None:
    recent = history.closes[-CONTEXT_SESSIONS:]
    axes.plot(np.arange(-len(recent) + 1, 1), recent, color="black", linewidth=0.9, label="close")
    horizon = fan.paths.shape[1]
    sessions = np.arange(horizon + 1)
    start = np.full((len(fan.paths), 1), recent[-1])
    paths = np.hstack([start, fan.paths])
    for low, high, label in BANDS:
        lower, upper = np.quantile(paths, [low, high], axis=0)
        axes.fill_between(sessions, lower, upper, color="tab:blue", alpha=0.22, label=label)
    axes.plot(sessions, np.median(paths, axis=0), color="tab:blue", linewidth=1, label="median")
    axes.set_xlabel("sessions after the cutoff")
    axes.grid(alpha=0.3)


def _markdown(figure: Figure, text: str) -> str:
    image = BytesIO()
    figure.savefig(image, format="png", dpi=DOTS_PER_INCH)
    return f"![{text}](data:image/png;base64,{base64.b64encode(image.getvalue()).decode()})"
