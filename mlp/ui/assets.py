"""What the browser is given besides the pages: plotly.js once, the components' code, a few lines of CSS."""

from __future__ import annotations

from pathlib import Path

import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

_COMPONENTS = Path(__file__).parent / "components"
_KEEP = {"Cache-Control": "public, max-age=31536000, immutable"}  # neither plotly.js nor a test digit ever changes
_PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def _path(name: str) -> str:
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}/{name}" if base else f"/{name}"


def plotly_url() -> str:
    """Where the app serves plotly.js; the version in it lets browsers keep the file for a year."""
    return f"{_path('plotly.min.js')}?v={plotly.__version__}"


def digit_url(dataset: str) -> str:
    """Where the app serves the test pictures of a dataset, to be followed by "<number>.png"."""
    return _path(f"test-digit/{dataset}/")


async def _plotly_js(_: Request) -> FileResponse:
    return FileResponse(_PLOTLY_JS, media_type="text/javascript", headers=_KEEP)


async def _test_digit(request: Request) -> Response:
    """One test picture as a PNG, black ink on white; 404 for one that does not exist or was not downloaded."""
    # Not above: the server is to answer before all of the app is imported.
    from mlp.data import SOURCES
    from mlp.data.sources import load_arrays
    from mlp.viz import to_png

    name, number = request.path_params["dataset"], request.path_params["number"]
    source = SOURCES.get(name)
    if source is None or source.needs_download():
        return Response(status_code=404)
    images = load_arrays(name).test_images
    if number >= len(images):
        return Response(status_code=404)
    return Response(to_png(255 - images[number]), media_type="image/png", headers=_KEEP)


def routes() -> list[Route]:
    """What the server answers besides Streamlit's own paths."""
    return [
        Route(_path("plotly.min.js"), _plotly_js),
        Route(_path("test-digit/{dataset}/{number:int}.png"), _test_digit),
    ]


def component_file(name: str) -> str:
    """The text of a JavaScript or CSS file of a component."""
    return (_COMPONENTS / name).read_text(encoding="utf-8")


_phone_menu = st.components.v2.component("phone_menu", js=component_file("phone_menu.js"), isolate_styles=False)
_page_theme = st.components.v2.component("page_theme", js=component_file("page_theme.js"), isolate_styles=False)


def style() -> None:
    """The app's own CSS and manners; colours and fonts are Streamlit's theme (.streamlit/config.toml)."""
    st.html(f"<style>{component_file('app.css')}</style>")
    with st.sidebar:
        _phone_menu(key="phone_menu")
        _follow_theme()


def _follow_theme() -> None:
    """Lets the browser ask for a run when the page turns light or dark; without one, charts keep the old colours."""
    _page_theme(data={"used": st.context.theme.type}, key="page_theme")
