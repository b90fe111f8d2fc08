"""The Streamlit side: session, controls, components, and the parts of the pages."""
