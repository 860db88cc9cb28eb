"""Figures of the gallery: a script leaves one called ``figure``, which belongs to no window, and here it is saved."""

from pathlib import Path

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

from synmodel.report.style import style


def _scrape(block, block_vars, gallery_conf):
    """Save the figure of a block of code, and say where it is as reStructuredText."""
    figure = block_vars["example_globals"].get("figure")
    if block[0] != "code" or not isinstance(figure, Figure):
        return ""
    path = Path(next(block_vars["image_path_iterator"]))
    with style():  # which says how finely, too
        figure.savefig(path)
    title = Path(block_vars["src_file"]).stem.split("_", 2)[-1].replace("_", " ")
    return figure_rst([str(path)], gallery_conf["src_dir"], fig_titles=f"Figure: {title}")


def _get_sg_image_scraper():
    """What sphinx-gallery asks a module for."""
    return _scrape
