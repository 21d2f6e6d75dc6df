"""How the notebooks' plots look: a title that says what is seen, few lines, and Chinese that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import matplotlib as mpl
from matplotlib import font_manager
from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HAN_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Noto Sans CJK JP", "Heiti TC",
)  # fmt: skip
"""Fonts with Chinese, the best first. (Of a collection matplotlib knows only the first name: Noto's is JP, with the
Chinese signs in it.)"""

CHANNELS = {
    "telegram": "Telegram", "forum": "论坛 forum", "email": "邮件 email", "weibo": "微博 Weibo",
    "wechat": "微信 WeChat", "qq": "QQ", "chat": "应用内 chat", "reviews": "应用商店 reviews",
}  # fmt: skip
PALETTE = ("#2b6cb0", "#dd6b20", "#2f855a", "#805ad5", "#d69e2e", "#319795", "#c53030", "#718096")
INK, GREY, ALARM = "#1a202c", "#718096", "#c53030"
NOTHING_YET = "nothing yet · 暂无数据"
"""What stands for a plot of nothing: a desk that is new, or has only history."""


def use_style() -> str | None:
    """Set it up; the font that shows Chinese, or None, and then says what to do."""
    known = {font.name for font in font_manager.fontManager.ttflist}
    han = next((name for name in HAN_FONTS if name in known), None)
    if han is None:
        click.echo(
            "这台机器没有中文字体，图中的中文会显示为方框。No font on this machine has Chinese: it will show as boxes. "
            "Install one (Debian: fonts-noto-cjk), then delete matplotlib's font cache and restart the notebook."
        )
    mpl.rcParams.update(
        {
            "font.family": [name for name in ("DejaVu Sans", han) if name],
            "axes.unicode_minus": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "axes.edgecolor": GREY,
            "axes.axisbelow": True,
            "axes.grid": True,
            "axes.grid.axis": "y",
            "axes.prop_cycle": mpl.rcsetup.cycler(color=list(PALETTE)),
            "grid.color": "#e2e8f0",
            "xtick.color": GREY,
            "ytick.color": GREY,
            "ytick.left": False,
            "legend.frameon": False,
            "figure.figsize": (9, 4.6),
            "figure.dpi": 110,
            "savefig.bbox": "tight",
        }
    )
    return han


def chart(title: str, subtitle: str = "", *, bars: bool = False, rows: int = 1) -> tuple[Figure, Any]:
    """An empty plot under a title that says what is seen. `bars`: lying ones, with names beside them."""
    figure, axes = plt.subplots(rows, 1, figsize=(9, 4.6 if rows == 1 else 2.6 * rows + 1.2), layout="constrained")
    figure.suptitle(title, x=0.012, ha="left", fontsize=14, fontweight="bold", color=INK)
    first: Axes = axes if rows == 1 else axes[0]
    if subtitle:
        first.set_title(subtitle, loc="left", fontsize=10, color=GREY, pad=10)
    for each in [axes] if rows == 1 else axes:
        if bars:
            each.grid(axis="y", visible=False)
            each.grid(axis="x", visible=True)
            each.spines["bottom"].set_visible(False)
    return figure, axes


def bars(
    axes: Axes, names: Sequence[str], values: Sequence[float], *, colour: str = PALETTE[0], form: str = "{:,.0f}"
) -> None:
    """Lying bars, the first on top, each with its value."""
    drawn = axes.barh([*names], [*values], color=colour, height=0.68)
    axes.bar_label(drawn, labels=[form.format(value) for value in values], padding=4, color=INK, fontsize=9)
    axes.invert_yaxis()
    axes.tick_params(axis="y", colors=INK)
    axes.margins(x=0.1)


def source(figure: Figure, words: str) -> None:
    """What it was counted from, below the plot."""
    figure.supxlabel(words, x=0.012, ha="left", fontsize=8, color=GREY)


def channel(name: str) -> str:
    """As people call it."""
    return CHANNELS.get(name, name)
