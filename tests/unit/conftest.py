"""What several units are tested with."""

import pytest

from mlp.training import RunConfig, Trainer


@pytest.fixture(scope="session")
def trained(digits):
    """A small network that has learned the digits in miniature. Tests leave it as it is."""
    trainer = Trainer(RunConfig(hidden_layers=(32,), train_size=500, validation_size=200, epochs=15), digits)
    trainer.advance(steps=trainer.total_steps)
    return trainer.network
