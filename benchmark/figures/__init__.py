"""Figures of a run, as PNG files: what the network sees, the masks, the learning curves, where the network looks."""

from benchmark.figures.curves import curves
from benchmark.figures.explanations import Panel, gradcam_sheet
from benchmark.figures.masks import MaskRow, mask_sheet
from benchmark.figures.mean_heat import MeanHeat, mean_heat_sheet
from benchmark.figures.overlays import overlay
from benchmark.figures.thumbnails import thumbnails
from benchmark.figures.views import View, network_view_sheet

__all__ = [
    "MaskRow",
    "MeanHeat",
    "Panel",
    "View",
    "curves",
    "gradcam_sheet",
    "mask_sheet",
    "mean_heat_sheet",
    "network_view_sheet",
    "overlay",
    "thumbnails",
]
