"""Losses equal PyTorch's, stay finite where they can, and say what is wrong with labels."""

import numpy as np
import pytest

from mlp.nn import (
    LOSSES,
    LOSSES_PER_SAMPLE,
    Softmax,
    cross_entropy,
    cross_entropy_on_probabilities,
    cross_entropy_per_sample,
    mean_squared_error,
    softmax,
)


def example(scale=3.0, N=17, K=6, dtype=np.float64):
    rng = np.random.default_rng(1)
    return (rng.normal(size=(N, K)) * scale).astype(dtype), rng.integers(0, K, N)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-6), (np.float64, 1e-13)])
def test_value_and_gradient_are_pytorchs(name, dtype, tolerance):
    torch = pytest.importorskip("torch")
    logits, labels = example(dtype=dtype)
    z, t = torch.tensor(logits, requires_grad=True), torch.tensor(labels)
    if name == "cross_entropy":
        expected = torch.nn.functional.cross_entropy(z, t)
    else:
        expected = torch.nn.functional.mse_loss(z, torch.nn.functional.one_hot(t, 6).to(z.dtype))
    expected.backward()
    loss, dlogits = LOSSES[name](logits, labels)
    assert type(loss) is float
    assert dlogits.dtype == dtype
    assert loss == pytest.approx(expected.item(), rel=tolerance * 10)
    np.testing.assert_allclose(dlogits, z.grad.numpy(), rtol=tolerance * 10, atol=tolerance)


@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_the_mean_of_the_losses_per_sample(name):
    logits, labels = example()
    losses = LOSSES_PER_SAMPLE[name](logits, labels)
    assert losses.shape == labels.shape
    assert LOSSES[name](logits, labels)[0] == pytest.approx(losses.mean(), rel=1e-14)
    alone = LOSSES[name](logits[3:4], labels[3:4])[0]
    assert losses[3] == pytest.approx(alone, rel=1e-14)


def test_softmax_with_its_jacobian_gives_the_fused_gradient():
    logits, labels = example()
    layer = Softmax()
    p = layer.forward(logits)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    apart, dp = cross_entropy_on_probabilities(p, labels)
    loss, dlogits = cross_entropy(logits, labels)
    assert apart == pytest.approx(loss, rel=1e-13)
    np.testing.assert_allclose(layer.backward(dp), dlogits, rtol=1e-12, atol=1e-15)


def test_softmax_backward_is_the_whole_jacobian():
    logits, _ = example(N=3)
    dp = np.random.default_rng(2).normal(size=logits.shape)
    layer = Softmax()
    p = layer.forward(logits)
    expected = [(np.diag(row) - np.outer(row, row)) @ d for row, d in zip(p, dp, strict=True)]
    np.testing.assert_allclose(layer.backward(dp), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_logits_stay_finite(dtype):
    logits = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4]], dtype)
    labels = np.array([1, 1])
    loss, dlogits = cross_entropy(logits, labels)
    assert loss == pytest.approx((2e4 + np.log(2)) / 2, rel=1e-12)
    np.testing.assert_allclose(dlogits, [[0.5, -0.5, 0], [0, -0.25, 0.25]], atol=1e-7)
    np.testing.assert_allclose(cross_entropy_per_sample(logits, labels), [2e4, np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(softmax(logits), [[1, 0, 0], [0, 0.5, 0.5]], atol=1e-7)
    assert cross_entropy_on_probabilities(softmax(logits), labels)[0] == np.inf


def test_squares_beyond_float32_do_not_overflow():
    loss, _ = mean_squared_error(np.full((2, 2), 1e30, np.float32), np.array([0, 1]))
    assert loss == pytest.approx(1e60, rel=1e-6)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", LOSSES)
def test_lost_outputs_give_a_lost_loss_without_a_warning(name, bad):
    loss, _ = LOSSES[name](np.array([[bad, 0.0], [1.0, 2.0]], np.float32), np.array([0, 1]))
    assert not np.isfinite(loss)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0, 1], "labels must be 3 integers .*shape \\(2,\\)"),
        ([0.0, 1.0, 2.0], "labels must be 3 integers .*got float64"),
        ([0, 1, 4], "labels must be from 0 to 3, got 0 to 4"),
        ([-1, 1, 3], "labels must be from 0 to 3, got -1 to 3"),
    ],
)
def test_bad_labels_are_named(name, labels, sentence):
    for function in (LOSSES[name], LOSSES_PER_SAMPLE[name]):
        with pytest.raises(ValueError, match=sentence):
            function(np.zeros((3, 4)), np.array(labels))
