"""Geometry of the plots: values in, places of an SVG's marks out. The templates draw them (plots.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TypeVar

Key = TypeVar("Key")

WIDTH, HEIGHT = 640, 180  # of the area of the marks, in SVG units


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, measured from the top left, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    look: int  # number of its colour
    label: str
    link: str


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Line:
    """A polyline's points as SVG writes them, and each point with its label."""

    points: str
    dots: Sequence[tuple[float, float, str]]
    look: int


def stacked(
    columns: Sequence[Key],
    layers: Sequence[str],
    values: Mapping[tuple[Key, str], int],
    label: Callable[[Key, str, int], str],
    link: Callable[[Key, str], str],
) -> tuple[list[Bar], list[Tick]]:
    """Stacked bars, one column each, and the ticks of their height."""
    highest = max((sum(values.get((column, layer), 0) for layer in layers) for column in columns), default=0)
    ticks, top = scale(highest)
    step = WIDTH / max(1, len(columns))
    bars = []
    for number, column in enumerate(columns):
        bottom = float(HEIGHT)
        for look, layer in enumerate(layers):
            count = values.get((column, layer), 0)
            if not count:
                continue
            height = HEIGHT * count / top
            bottom -= height
            x = number * step + step * 0.1
            words = label(column, layer, count)
            bars.append(Bar(_r(x), _r(bottom), _r(step * 0.8), _r(height), look, words, link(column, layer)))
    return bars, ticks


def lines(
    columns: Sequence[Key],
    series: Sequence[Mapping[Key, float]],
    label: Callable[[Key, int], str],
    say: Callable[[float], str],
    units: Sequence[float] = (1.0,),
) -> tuple[list[Line], list[Tick]]:
    """Lines over the same columns; a column without a value breaks none, it is passed over. The ticks are round in the
    largest of the rising `units` that the highest value holds twice."""
    highest = max((value for one in series for value in one.values()), default=0)
    unit = max((unit for unit in units if highest >= 2 * unit), default=units[0])
    ticks, top = scale(highest / unit, lambda value: say(value * unit))
    top *= unit
    step = WIDTH / max(1, len(columns))
    drawn = []
    for look, one in enumerate(series):
        dots = [
            (_r(number * step + step / 2), _r(HEIGHT - HEIGHT * one[column] / top), label(column, look))
            for number, column in enumerate(columns)
            if column in one
        ]
        drawn.append(Line(" ".join(f"{x},{y}" for x, y, _ in dots), dots, look))
    return drawn, ticks


def scale(highest: float, say: Callable[[float], str] = lambda value: f"{value:,.0f}") -> tuple[list[Tick], float]:
    """Three to six round ticks from nothing to at least the highest value, and what the top stands for."""
    if highest <= 0:
        return [Tick(HEIGHT, say(0))], 1.0
    power = 10 ** floor(log10(highest))
    step = next(step for step in (0.2 * power, 0.5 * power, power, 2 * power) if highest / step <= 5)
    step = max(step, 1.0)
    count = ceil(highest / step)
    top = count * step
    return [Tick(_r(HEIGHT - HEIGHT * n / count), say(n * step)) for n in range(count + 1)], top


def names(columns: Sequence[str], most: int = 8) -> list[Tick]:
    """Labels under the columns, as many as have room."""
    step, every = WIDTH / max(1, len(columns)), max(1, ceil(len(columns) / most))
    return [Tick(_r(n * step + step / 2), name) for n, name in enumerate(columns) if n % every == 0]


def shade(value: int, highest: int, shades: int = 5) -> int:
    """Which of so many shades a field has; 0: nothing there."""
    return 0 if not value else max(1, ceil(shades * value / highest))


def _r(value: float) -> float:
    return round(value, 2)
