"""The network: one vector of parameters, kept buffers, chunks, copies, and sentences for what does not fit."""

import pickle
import tracemalloc

import numpy as np
import pytest

from mlp.nn import MLP, build_optimizer, cross_entropy, softmax


def network(sizes=(784, 20, 15, 10), dtype=np.float64, seed=0, **settings):
    return MLP(sizes, rng=np.random.default_rng(seed), dtype=dtype, **settings)


def batch(N=12, D=784, K=10):
    rng = np.random.default_rng(2)
    return rng.random((N, D)), rng.integers(0, K, N)


def gradient_of(net, x, labels):
    _, dlogits = cross_entropy(net.forward(x), labels)
    net.backward(dlogits)
    return net.gradient.copy()


def test_parameters_and_gradients_are_one_vector_each():
    net = network()
    assert net.parameters.flags.c_contiguous
    assert net.gradient.flags.c_contiguous
    assert net.num_parameters == net.parameters.size == 784 * 20 + 20 + 20 * 15 + 15 + 15 * 10 + 10
    net.parameters[:] = np.arange(net.num_parameters)
    joined = np.concatenate([a.ravel() for linear in net.linears for a in (linear.W, linear.b)])
    np.testing.assert_array_equal(joined, net.parameters)
    net.gradient[:] = -np.arange(net.num_parameters)
    joined = np.concatenate([a.ravel() for linear in net.linears for a in (linear.dW, linear.db)])
    np.testing.assert_array_equal(joined, net.gradient)
    for named, vector in ((net.state_dict(), net.parameters), (net.gradients(), net.gradient)):
        assert list(named) == ["0.weight", "0.bias", "1.weight", "1.bias", "2.weight", "2.bias"]
        assert named["0.weight"].shape == (784, 20)
        assert all(np.shares_memory(array, vector) for array in named.values())


def test_forward_and_backward_are_pytorchs():
    torch = pytest.importorskip("torch")
    net = network(activation="elu")
    x, labels = batch()
    tx = torch.tensor(x, requires_grad=True)
    tensors = {name: torch.tensor(a.copy(), requires_grad=True) for name, a in net.state_dict().items()}
    a = tx
    for i in range(3):
        a = a @ tensors[f"{i}.weight"] + tensors[f"{i}.bias"]
        a = torch.nn.functional.elu(a) if i < 2 else a
    torch.nn.functional.cross_entropy(a, torch.tensor(labels)).backward()
    logits = net.forward(x)
    np.testing.assert_allclose(logits, a.detach().numpy(), rtol=1e-11, atol=1e-13)
    dx = net.backward(cross_entropy(logits, labels)[1], input_gradient=True)
    np.testing.assert_allclose(dx, tx.grad.numpy(), rtol=1e-9, atol=1e-14)
    for name, gradient in net.gradients().items():
        np.testing.assert_allclose(gradient, tensors[name].grad.numpy(), rtol=1e-9, atol=1e-14, err_msg=name)


def test_without_hidden_layers_it_is_softmax_regression():
    net = network((784, 10))
    x, _ = batch()
    np.testing.assert_allclose(net.forward(x), x @ net.linears[0].W + net.linears[0].b, rtol=1e-13)
    assert len(net.layers) == 1
    assert net.backward(np.ones((12, 10))) is None
    assert net.backward(np.ones((12, 10)), input_gradient=True).shape == (12, 784)


@pytest.mark.parametrize("chunk", [1, 5, 12])
def test_chunks_add_up_to_the_whole_batch(chunk):
    net = network()
    x, labels = batch()
    whole = gradient_of(net, x, labels)
    for start in range(0, 12, chunk):
        rows = slice(start, start + chunk)
        _, dlogits = cross_entropy(net.forward(x[rows]), labels[rows])
        net.backward(dlogits * (len(dlogits) / 12), accumulate=start > 0)
    np.testing.assert_allclose(net.gradient, whole, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("N", [1, 2, 7, 30])
def test_another_batch_size_gives_what_a_fresh_network_gives(N):
    net = network()
    gradient_of(net, *batch(12))
    np.testing.assert_array_equal(gradient_of(net, *batch(N)), gradient_of(network(), *batch(N)))


def test_buffers_are_kept():
    net = network(dtype=np.float32, sizes=(784, 196, 10), dropout=0.2)
    optimizer = build_optimizer("adam", net, learning_rate=0.01, weight_decay=0.1)
    x, labels = batch(256)
    x = x.astype(np.float32)

    def step(n=256):
        logits = net.forward(x[:n], training=True)
        net.backward(cross_entropy(logits, labels[:n])[1])
        optimizer.step()
        return logits

    logits = step()
    assert "dx" not in net.linears[0]._kept  # the gradient of the input is not worked out unasked
    assert np.shares_memory(step(), logits)
    assert np.shares_memory(step(100), logits)
    tracemalloc.start()
    step()
    step(100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000  # a kept (256, 196) would be 200,704 bytes, a kept gradient 622,520


def test_pixels_are_scaled_and_floats_are_not():
    net = network()
    images = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    x = images.reshape(30, 784) / 255
    expected = softmax(net.forward(x))
    for form in (images, images.reshape(30, 784), x, x.reshape(30, 28, 28)):
        np.testing.assert_allclose(net.predict_proba(form), expected, rtol=1e-12)
    np.testing.assert_allclose(net.forward(images), net.predict_logits(x), rtol=1e-12)
    assert net.predict_proba(images[:0]).shape == (0, 10)


def test_predictions_are_made_in_chunks():
    net = network()
    images = np.random.default_rng(0).integers(0, 256, (2300, 784), dtype=np.uint8)
    expected = net.predict_proba(images[1990:2010])
    tracemalloc.start()
    probabilities = net.predict_proba(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert probabilities.shape == (2300, 10)
    np.testing.assert_allclose(probabilities[1990:2010], expected, rtol=1e-12)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    assert peak < 2 * 1000 * 784 * 8  # all 2,300 at once would be 14.4 MB of inputs alone


def test_looking_does_not_disturb_a_step_under_way():
    x, labels = batch()
    undisturbed = gradient_of(network(activation="gelu"), x, labels)
    net = network(activation="gelu")
    _, dlogits = cross_entropy(net.forward(x), labels)
    net.predict_proba(batch(50)[0])
    net.layer_values(batch(12)[0][::-1])
    net.hidden_activations(x[:3])
    net.backward(dlogits)
    np.testing.assert_array_equal(net.gradient, undisturbed)


def test_layer_values_are_those_of_the_equations():
    net = network(activation="tanh")
    x, _ = batch()
    values = net.layer_values(x)
    assert [(z.shape, a.shape) for z, a in values] == [((12, n), (12, n)) for n in (20, 15, 10)]
    np.testing.assert_allclose(values[0][0], x @ net.linears[0].W + net.linears[0].b, rtol=1e-12)
    np.testing.assert_allclose(values[0][1], np.tanh(values[0][0]), rtol=1e-12)
    np.testing.assert_allclose(values[1][0], values[0][1] @ net.linears[1].W + net.linears[1].b, rtol=1e-12)
    np.testing.assert_allclose(values[2][1], softmax(net.forward(x)), rtol=1e-12)
    for activations, (_, a) in zip(net.hidden_activations(x), values[:2], strict=True):
        np.testing.assert_array_equal(activations, a)


def test_a_state_dict_goes_round():
    net, other = network(), network(seed=1)
    other.load_state_dict({name: array.copy() for name, array in net.state_dict().items()})
    np.testing.assert_array_equal(other.parameters, net.parameters)
    assert not np.shares_memory(other.parameters, net.parameters)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.pop("1.bias"), "state_dict lacks 1.bias"),
        (lambda d: d.update({"7.bias": 0}), "state_dict has 7.bias, but only 0.weight, .* belong here"),
        (lambda d: d.update({"2.weight": np.zeros((10, 15))}), r"2.weight must have shape \(15, 10\), got \(10, 15\)"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_named_and_not_loaded(change, sentence):
    net = network()
    state = {name: array + 1 for name, array in net.state_dict().items()}
    change(state)
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=sentence):
        net.load_state_dict(state)
    np.testing.assert_array_equal(net.parameters, before)


@pytest.mark.parametrize("make", [MLP.copy, lambda net: pickle.loads(pickle.dumps(net))], ids=["copy", "pickle"])
def test_a_copy_is_independent(make):
    net = network(dropout=0.3)
    x, labels = batch()
    gradient_of(net, x, labels)
    before = net.parameters.copy(), net.gradient.copy()
    twin = make(net)
    np.testing.assert_array_equal(twin.parameters, net.parameters)
    np.testing.assert_array_equal(twin.gradient, net.gradient)
    assert all(np.shares_memory(linear.W, twin.parameters) for linear in twin.linears)
    assert all(np.shares_memory(linear.db, twin.gradient) for linear in twin.linears)
    gradient_of(twin, x[:5], labels[:5])
    twin.parameters += 1
    np.testing.assert_array_equal(net.parameters, before[0])
    np.testing.assert_array_equal(net.gradient, before[1])


def test_a_copy_can_have_another_dtype():
    twin = network(dtype=np.float32).copy(dtype=np.float64)
    assert twin.forward(batch()[0]).dtype == twin.gradient.dtype == twin.dtype == np.float64


def test_the_first_place_that_is_not_finite_is_named():
    x, labels = batch()
    net = network()
    assert net.first_non_finite() is None
    gradient_of(net, x, labels)
    assert net.first_non_finite() is None

    def place_after(change, x=x):
        net = network()
        change(net)
        gradient_of(net, x, labels)
        return net.first_non_finite()

    def set_bias(i, value):
        return lambda net: net.linears[i].b.__setitem__(0, value)

    assert place_after(set_bias(1, np.inf)) == "the biases of hidden layer 2"
    assert place_after(set_bias(2, np.nan)) == "the biases of the output layer"
    assert place_after(lambda net: net.linears[2].W.__setitem__(0, np.nan)) == "the weights of the output layer"
    assert place_after(lambda net: None, np.where(x > 0.5, x, np.nan)) == "the input"

    net = network(dtype=np.float32)
    net.linears[1].W[...] = 1e30
    net.linears[1].b[...] = 3e38
    net.linears[2].W[...] = 3e38
    net.forward(x)
    assert net.first_non_finite() == "the logits"
    net.linears[0].b[...] = 1e20
    net.forward(x)
    assert net.first_non_finite() == "the output of hidden layer 2"

    net = network()
    net.forward(x)
    net.backward(np.full((12, 10), 1e308))
    assert net.first_non_finite() == "the gradient of the weights of the output layer"


@pytest.mark.filterwarnings("error")
def test_a_diverging_run_raises_no_warning():
    x, labels = batch()
    net = network(dtype=np.float32)
    optimizer = build_optimizer("sgd", net, learning_rate=1e30)
    for _ in range(5):
        loss, dlogits = cross_entropy(net.forward(x), labels)
        net.backward(dlogits)
        optimizer.step()
    assert not np.isfinite(loss)
    assert net.first_non_finite() is not None
    assert not np.isfinite(net.predict_proba(x)).all()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"activation": "swish"}, "activation must be one of relu, leaky_relu, .*, got 'swish'"),
        ({"weight_init": "xavier"}, "weight_init must be one of he_normal, .*, got 'xavier'"),
        ({"dtype": np.float16}, "dtype must be float32 or float64, got float16"),
        ({"sizes": [784]}, r"layer_sizes must be inputs, up to 6 hidden layers, and outputs, got \[784\]"),
        ({"sizes": [784] + [5] * 7 + [10]}, "up to 6 hidden layers"),
        ({"sizes": [784, 0, 10]}, r"layer_sizes must be whole numbers from 1, .* got \[784, 0, 10\]"),
        ({"sizes": [784, 1025, 10]}, "hidden ones up to 1024, got .*1025"),
        ({"sizes": [784, 2.5, 10]}, "layer_sizes must be whole numbers"),
    ],
)
def test_bad_settings_are_named(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        network(**settings)


def test_arrays_that_do_not_fit_are_named():
    net = network()
    with pytest.raises(ValueError, match=r"x must have shape \(N, 784\), got \(5, 700\)"):
        net.forward(np.zeros((5, 700)))
    with pytest.raises(ValueError, match=r"x must have shape \(N, 784\), got \(28, 28\)"):
        net.predict_proba(np.zeros((28, 28), np.uint8))
    with pytest.raises(ValueError, match=r"dlogits must match the last forward's logits, \(0,\), got \(5, 10\)"):
        net.backward(np.zeros((5, 10)))
    net.forward(np.zeros((4, 784)))
    with pytest.raises(ValueError, match=r"logits, \(4, 10\), got \(5, 10\)"):
        net.backward(np.zeros((5, 10)))


def test_the_largest_network_allowed():
    net = network((784, *[1024] * 6, 10), dtype=np.float32)
    assert net.forward(batch()[0]).shape == (12, 10)
    assert repr(net).startswith("MLP 784-1024-")
