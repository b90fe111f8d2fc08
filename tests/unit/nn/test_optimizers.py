"""Every optimizer follows PyTorch's, step by step; clipping too."""

import math

import numpy as np
import pytest

from mlp.nn import MLP, OPTIMIZERS, build_optimizer, clip_gradient_norm, cross_entropy

SIZES = [12, 7, 5, 4]


def batches(steps, N=6):
    rng = np.random.default_rng(5)
    return [(rng.normal(size=(N, SIZES[0])), rng.integers(0, SIZES[-1], N)) for _ in range(steps)]


def network(dtype=np.float64):
    return MLP(SIZES, "tanh", rng=np.random.default_rng(0), dtype=dtype)


def take_step(net, optimizer, x, labels):
    _, dlogits = cross_entropy(net.forward(x, training=True), labels)
    net.backward(dlogits)
    optimizer.step()


def torch_twin(torch, net):
    layers = []
    for linear in net.linears:
        layer = torch.nn.Linear(*linear.W.shape, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(linear.W.T.copy()))
            layer.bias.copy_(torch.tensor(linear.b.copy()))
        layers += [layer, torch.nn.Tanh()]
    return torch.nn.Sequential(*layers[:-1])


def torch_vector(twin):
    return np.concatenate([p.detach().numpy().T.ravel() for p in twin.parameters()])


def torch_optimizer(torch, name, parameters, lr, decay):
    optim = torch.optim
    return {
        "sgd": lambda: optim.SGD(parameters, lr=lr, weight_decay=decay),
        "momentum": lambda: optim.SGD(parameters, lr=lr, momentum=0.8, weight_decay=decay),
        "nesterov": lambda: optim.SGD(parameters, lr=lr, momentum=0.8, nesterov=True, weight_decay=decay),
        "rmsprop": lambda: optim.RMSprop(parameters, lr=lr, weight_decay=decay),
        "adagrad": lambda: optim.Adagrad(parameters, lr=lr, weight_decay=decay),
        "adam": lambda: optim.Adam(parameters, lr=lr, weight_decay=decay),
        "adamw": lambda: optim.AdamW(parameters, lr=lr, weight_decay=decay),
    }[name]()


@pytest.mark.parametrize("decay", [0.0, 0.05])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_are_pytorchs(name, decay):
    torch = pytest.importorskip("torch")
    net = network()
    twin = torch_twin(torch, net)
    ours = build_optimizer(name, net, learning_rate=0.02, momentum=0.8, weight_decay=decay)
    theirs = torch_optimizer(torch, name, twin.parameters(), 0.02, decay)
    start = net.parameters.copy()
    for i, (x, labels) in enumerate(batches(50)):
        if i == 30:
            ours.learning_rate = theirs.param_groups[0]["lr"] = 0.007
        take_step(net, ours, x, labels)
        theirs.zero_grad()
        torch.nn.functional.cross_entropy(twin(torch.tensor(x)), torch.tensor(labels)).backward()
        theirs.step()
        np.testing.assert_allclose(net.parameters, torch_vector(twin), rtol=1e-10, atol=1e-13, err_msg=f"step {i}")
    assert np.abs(net.parameters - start).max() > 0.01


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_goes_on_with_the_same_bytes(name):
    runs = []
    for interrupted in (False, True):
        net = network(np.float32)
        optimizer = build_optimizer(name, net, learning_rate=0.01, weight_decay=0.01)
        for i, (x, labels) in enumerate(batches(10)):
            if interrupted and i == 5:
                state, net = optimizer.state(), net.copy()
                take_step(optimizer.network, optimizer, x, labels)  # the state holds copies
                optimizer = build_optimizer(name, net, learning_rate=0.01, weight_decay=0.01)
                optimizer.load_state(state)
            take_step(net, optimizer, x, labels)
        runs.append(net.parameters.tobytes())
    assert runs[0] == runs[1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_leaves_the_gradient_and_the_dtype_alone(name):
    net = network(np.float32)
    optimizer = build_optimizer(name, net, learning_rate=np.float64(0.01), weight_decay=0.1)
    net.gradient[:] = np.linspace(-1, 1, net.num_parameters)
    before, parameters = net.gradient.copy(), net.parameters
    optimizer.step()
    np.testing.assert_array_equal(net.gradient, before)
    assert net.parameters is parameters
    assert net.parameters.dtype == np.float32


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_lost_gradient_raises_no_warning(name):
    net = network(np.float32)
    net.gradient[:4] = [np.nan, np.inf, -np.inf, 3e38]
    build_optimizer(name, net, learning_rate=10.0).step()
    assert np.isnan(net.parameters[0])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "lion"}, "optimizer must be one of sgd, momentum, .*, got 'lion'"),
        ({"learning_rate": -1}, "learning_rate must be a number from 0, got -1"),
        ({"learning_rate": math.nan}, "learning_rate must be a number from 0, got nan"),
        ({"weight_decay": -0.1}, "weight_decay must be a number from 0, got -0.1"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
    ],
)
def test_bad_settings_are_named(settings, sentence):
    settings = {"name": "sgd", "learning_rate": 0.1, **settings}
    with pytest.raises(ValueError, match=sentence):
        build_optimizer(network=network(), **settings)


def test_a_state_that_does_not_fit_is_named():
    adam = build_optimizer("adam", network(), learning_rate=0.1)
    with pytest.raises(ValueError, match=r"the state of Adam is t, m, v, got \['t', 'v'\]"):
        adam.load_state(build_optimizer("momentum", network(), learning_rate=0.1).state())
    with pytest.raises(ValueError, match=r"m must have shape \(155,\), got \(3,\)"):
        adam.load_state({"t": 1, "m": np.zeros(3), "v": np.zeros(3)})


@pytest.mark.parametrize("max_norm", [0.1, 1.0, 1e6])
def test_clipping_is_pytorchs(max_norm):
    torch = pytest.importorskip("torch")
    net = network()
    net.gradient[:] = np.random.default_rng(0).normal(size=net.num_parameters)
    parameter = torch.nn.Parameter(torch.zeros(net.num_parameters, dtype=torch.float64))
    parameter.grad = torch.tensor(net.gradient.copy())
    expected = torch.nn.utils.clip_grad_norm_([parameter], max_norm)
    assert clip_gradient_norm(net, max_norm) == pytest.approx(expected.item(), rel=1e-13)
    np.testing.assert_allclose(net.gradient, parameter.grad.numpy(), rtol=1e-12)


@pytest.mark.filterwarnings("error")
def test_clipping_a_gradient_whose_squares_overflow():
    net = network(np.float32)
    net.gradient[:] = 1e25
    assert clip_gradient_norm(net, 1.0) == pytest.approx(1e25 * math.sqrt(net.num_parameters), rel=1e-6)
    assert np.linalg.norm(net.gradient) == pytest.approx(1, rel=1e-5)
    net.gradient[3] = np.nan
    assert math.isnan(clip_gradient_norm(net, 1.0))
    with pytest.raises(ValueError, match="max_norm must be above 0, got 0"):
        clip_gradient_norm(net, 0)
