"""The pages through the front door: Streamlit's own AppTest, without a browser."""
