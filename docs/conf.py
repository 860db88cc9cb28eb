"""Sphinx: MyST pages, executed at build; warnings are errors."""

import importlib.metadata
import os
import sys
from pathlib import Path

# Cells that run the command line find the one of this environment.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

project = "synmodel"
author = "The synmodel developers"
release = importlib.metadata.version("synmodel")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
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
html_title = f"synmodel {release}"
exclude_patterns = ["_build", "jupyter_execute"]
nb_render_markdown_format = "myst"  # tables that cells print
