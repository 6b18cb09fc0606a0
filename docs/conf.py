"""Configuration of Sphinx for the documentation site: `make docs`."""

import re
from typing import Any, NoReturn

from docutils.nodes import SkipNode, image
from latex2mathml.converter import convert
from sphinx.util.nodes import make_refnode

import eprop_core

project = "eprop-bench"
author = project_copyright = "The eprop-bench developers"
release = eprop_core.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]

# Sources are all documents of the project, so that the links between them hold here as they do on GitHub.
root_doc = "docs/index"
include_patterns = ["docs/**.md", "*.md", "config/*.md", "envs/*.md"]
exclude_patterns = [".*", "README.md", "docs/_build", "results", "logs", "build", "dist"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the sections of docstrings name types where the signature does not
numpydoc_show_class_members = False

html_math_renderer = "mathml"  # which browsers show themselves, without a script from the internet
html_theme = "furo"
html_title = f"eprop-bench {release}"
html_static_path = ["_static"]
html_extra_path = ["_redirect"]  # from the root of the site to its first page
html_css_files = ["tables.css", "formulas.css"]
html_js_files = [  # a page that is opened from a file may not read others, which the search would quote
    (None, {"body": "if (location.protocol === 'file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;"})
]
html_copy_source = False

copybutton_prompt_text = "$ "


def add_table_of_contents(app: Any, page: str, source: list[str]) -> None:
    """Make the pages to which rows of an index page link its children, in this order; GitHub shows the links alone."""
    if page.rpartition("/")[2] == "index":
        pages = dict.fromkeys(re.findall(r"^\| \[[^]]+\]\(([\w/.]+)\.md\)", source[0], re.MULTILINE))
        source[0] += "\n".join(["\n```{toctree}", ":hidden:", "", *pages, "```", ""])


def find_by_last_name(app: Any, env: Any, node: Any, content: Any) -> Any:
    """Resolve what a docstring names by its module, while the site has it as a name of the package."""
    domain = env.get_domain("py")
    last = node.get("reftarget", "").rpartition(".")[2]
    found = [(name, known) for name, known in domain.objects.items() if name.rpartition(".")[2] == last]
    if node.get("refdomain") != "py" or len(found) != 1:
        return None
    name, known = found[0]
    return make_refnode(app.builder, node["refdoc"], known.docname, known.node_id, content, name)


def link_pictures(app: Any, document: Any) -> None:
    """Let each picture open large: Sphinx links those to their files that have a width."""
    for picture in document.findall(image):
        picture.setdefault("width", "100%")


def write_formula(translator: Any, node: Any) -> NoReturn:
    """Write a formula in a line as MathML."""
    translator.body.append(convert(node.astext()))
    raise SkipNode


def write_displayed_formula(translator: Any, node: Any) -> NoReturn:
    """Write a formula on lines of its own as MathML."""
    formula = node.astext().replace("{aligned}", "{align*}")  # which GitHub does not have inside of $$
    translator.body.append(f'<div class="formula">{convert(formula, display="block")}</div>\n')
    raise SkipNode


def setup(app: Any) -> None:
    """Connect the functions of this file."""
    app.connect("source-read", add_table_of_contents)
    app.connect("doctree-read", link_pictures)
    app.connect("missing-reference", find_by_last_name)
    app.add_html_math_renderer("mathml", (write_formula, None), (write_displayed_formula, None))
