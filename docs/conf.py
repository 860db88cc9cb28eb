"""Sphinx: MyST pages, executed at build; warnings are errors."""

import importlib.metadata
import os
import sys
from pathlib import Path

# Cells that run the command line find the one of this environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

sys.path.insert(0, str(Path(__file__).parent))  # scraper, references

project = "synmodel"
author = "The synmodel developers"
project_copyright = f"2026, {author}"
release = importlib.metadata.version("synmodel")
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
    "references",
]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_google_docstring = False
napoleon_use_ivar = True
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_title = f"synmodel {release}"
exclude_patterns = ["_build", "jupyter_execute", "generated/**/*.ipynb", "gallery"]
nb_render_markdown_format = "myst"  # tables that cells print

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": "/plot_",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("scraper",),
    "reset_modules": (),  # scripts draw within the style of the project and leave nothing behind
    "abort_on_example_error": True,
    "remove_config_comments": True,
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "write_computation_times": False,
}
