"""The frame: what the server serves, page config, navigation, theme. Nothing else."""

from pathlib import Path

import streamlit as st

from mlp.ui import assets, server

HERE = Path(__file__).parent


def frame() -> None:
    """One page of the app, run anew for every click."""
    st.set_page_config(page_title="MLP Microscope", page_icon="🔬", layout="wide")
    st.logo(HERE / "mlp/ui/components/logo.svg", size="large")
    page = st.navigation(
        {
            "Train": [st.Page(HERE / "pages/train/live.py", title="Watch it learn", default=True)],
            "Inspect": [
                st.Page(HERE / "pages/inspect/gradients.py", title="Gradients"),
                st.Page(HERE / "pages/inspect/weights.py", title="Weights"),
                st.Page(HERE / "pages/inspect/activations.py", title="Activations"),
                st.Page(HERE / "pages/inspect/mistakes.py", title="Mistakes"),
                st.Page(HERE / "pages/inspect/draw.py", title="Draw a digit"),
            ],
            "Learn": [
                st.Page(HERE / "pages/learn/backprop.py", title="Backpropagation"),
                st.Page(HERE / "pages/learn/recipes.py", title="Recipes"),
            ],
        }
    )
    assets.style()
    page.run()


if __name__ == "__main__":
    frame()
else:  # `streamlit run` imports this module once and serves `app`
    server.prepare()
    app = st.App(__file__, routes=assets.routes(), lifespan=server.lifespan, on_script_error=server.explain_error)
