"""The reference experiments, one click each."""

from mlp.ui import recipes

recipes.page()
