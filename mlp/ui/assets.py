"""What the browser is given besides the pages: plotly.js once, the components' code, a few lines of CSS."""

from __future__ import annotations

from pathlib import Path

import plotly
import streamlit as st
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.routing import Route

_COMPONENTS = Path(__file__).parent / "components"
_PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def _plotly_path() -> str:
    base = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}/plotly.min.js" if base else "/plotly.min.js"


def plotly_url() -> str:
    """Where the app serves plotly.js; the version in it lets browsers keep the file for a year."""
    return f"{_plotly_path()}?v={plotly.__version__}"


async def _plotly_js(_: Request) -> FileResponse:
    return FileResponse(
        _PLOTLY_JS, media_type="text/javascript", headers={"Cache-Control": "public, max-age=31536000, immutable"}
    )


def routes() -> list[Route]:
    """What the server answers besides Streamlit's own paths."""
    return [Route(_plotly_path(), _plotly_js)]


def component_file(name: str) -> str:
    """The text of a JavaScript or CSS file of a component."""
    return (_COMPONENTS / name).read_text(encoding="utf-8")


def style() -> None:
    """The app's own CSS; colours and fonts are Streamlit's theme (.streamlit/config.toml)."""
    st.html(f"<style>{component_file('app.css')}</style>")
