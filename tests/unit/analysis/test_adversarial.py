"""Attacks and noise on real digits, and the sign of every pixel against central differences."""

import numpy as np
import pytest

from mlp import MLP
from mlp.analysis import answers_by_epsilon, fast_gradient_sign, random_sign_noise, smallest_epsilon
from mlp.nn import cross_entropy, cross_entropy_per_sample


@pytest.fixture(scope="module")
def some(digits):
    return list(zip(digits.test.images[:60], digits.test.labels[:60].tolist(), strict=True))


def losses(network, pictures, labels):
    return cross_entropy_per_sample(network.predict_logits(np.stack(pictures)), np.array(labels))


def change(picture, pixels):
    return picture.astype(int) - pixels


# -- one picture


def test_the_loss_rises_and_far_more_than_by_noise(trained, some):
    rng, labels = np.random.default_rng(0), [label for _, label in some]
    as_they_are = losses(trained, [pixels for pixels, _ in some], labels)
    attacked = losses(trained, [fast_gradient_sign(trained, *each, 0.1) for each in some], labels)
    noisy = losses(trained, [random_sign_noise(pixels, 0.1, rng) for pixels, _ in some], labels)
    assert (attacked > as_they_are).all()
    assert (attacked - as_they_are).mean() > 5 * np.abs(noisy - as_they_are).mean()


@pytest.mark.parametrize("epsilon", [0, 0.001, 1 / 255, 0.05, 0.25, 1])
def test_no_pixel_moves_further_than_epsilon(trained, some, epsilon):
    levels = round(255 * epsilon)
    for pixels, label in some[:10]:
        noisy = random_sign_noise(pixels, epsilon, np.random.default_rng(label))
        for moved in (fast_gradient_sign(trained, pixels, label, epsilon), noisy):
            assert moved.shape == (28, 28)
            assert moved.dtype == np.uint8
            assert np.abs(change(moved, pixels)).max() <= levels


def test_epsilon_0_changes_nothing_and_the_original_is_left_alone(trained, some):
    pixels, label = some[0]
    before = pixels.copy()
    assert np.array_equal(fast_gradient_sign(trained, pixels, label, 0), pixels)
    assert np.array_equal(random_sign_noise(pixels, 0, np.random.default_rng(0)), pixels)
    fast_gradient_sign(trained, pixels, label, 0.5)
    assert np.array_equal(pixels, before)


def test_noise_is_of_the_same_size_in_every_pixel_that_is_not_cut_off(trained):
    grey = np.full((28, 28), 128, np.uint8)
    noisy = change(random_sign_noise(grey, 0.1, np.random.default_rng(0)), grey)
    assert set(np.unique(noisy)) == {-26, 26}  # 25.5, rounded
    assert abs(noisy.mean()) < 5
    attacked = change(fast_gradient_sign(trained, grey, 3, 0.1), grey)
    assert set(np.unique(attacked)) == {-26, 26}


@pytest.mark.parametrize("hidden", [(), (12,), (12, 9)])
def test_every_pixel_goes_the_way_that_raises_the_loss(hidden, digits):
    network = MLP([784, *hidden, 10], "tanh", rng=np.random.default_rng(0), dtype=np.float64)
    grey, label, h = np.clip(digits.test.images[0], 60, 190), 4, 1e-5
    x = grey.reshape(1, -1) / 255
    steps = h * np.eye(784)
    labels = np.full(784, label)
    up, down = (cross_entropy_per_sample(network.predict_logits(x + way * steps), labels) for way in (1, -1))
    slope = ((up - down) / (2 * h)).reshape(28, 28)
    moved = change(fast_gradient_sign(network, grey, label, 0.1), grey)
    clear = np.abs(slope) > 1e-7
    assert clear.mean() > 0.9
    np.testing.assert_array_equal(np.sign(moved)[clear], np.sign(slope)[clear])


def test_a_network_that_is_too_sure_for_a_gradient_is_attacked_all_the_same(trained, some):
    sure = trained.copy()
    sure.linears[-1].W[...] *= 1000
    sure.linears[-1].b[...] *= 1000
    pixels, label = next(each for each in some if trained.predict_proba(each[0][None])[0].argmax() == each[1])
    logits = sure.predict_logits(pixels[None])
    loss, dlogits = cross_entropy(logits, np.array([label]))
    assert loss == 0, "the loss itself is flat here"
    assert not dlogits.any()
    attacked = fast_gradient_sign(sure, pixels, label, 0.3)
    assert sure.predict_logits(attacked[None])[0].argmax() != label


# -- many steps


def test_many_steps_are_the_single_ones_in_one_go(trained, some):
    pixels, label = some[3]
    epsilons = [0, 0.02, 0.1, 0.3, 1]
    found = answers_by_epsilon(trained, pixels, label, epsilons, np.random.default_rng(7))
    assert found.attack.shape == found.noise.shape == (5, 10)
    np.testing.assert_array_equal(found.epsilons, epsilons)
    for i, epsilon in enumerate(epsilons):
        attacked = fast_gradient_sign(trained, pixels, label, epsilon)
        noisy = random_sign_noise(pixels, epsilon, np.random.default_rng(7))
        np.testing.assert_allclose(found.attack[i], trained.predict_proba(attacked[None])[0], atol=1e-5)
        np.testing.assert_allclose(found.noise[i], trained.predict_proba(noisy[None])[0], atol=1e-5)


def test_the_smallest_step_changes_the_answer_and_the_one_before_does_not(trained, some):
    for pixels, label in some[:20]:
        answer = trained.predict_logits(pixels[None])[0].argmax()
        smallest = smallest_epsilon(trained, pixels, label)
        if smallest is None:
            continue
        for levels in range(round(255 * smallest) + 1):
            moved = fast_gradient_sign(trained, pixels, label, levels / 255)
            same = trained.predict_logits(moved[None])[0].argmax() == answer
            assert same == (levels < round(255 * smallest))
        assert smallest_epsilon(trained, pixels, label, limit=smallest) == smallest
        assert smallest_epsilon(trained, pixels, label, limit=smallest - 1 / 255) is None


def test_most_digits_fall_to_a_small_step(trained, some):
    found = [smallest_epsilon(trained, *each) for each in some]
    assert np.median([1 if one is None else one for one in found]) < 0.15


def test_a_network_without_weights_cannot_be_moved(some):
    network = MLP([784, 5, 10], weight_init="zeros", rng=np.random.default_rng(0))
    pixels, label = some[0]
    assert np.array_equal(fast_gradient_sign(network, pixels, label, 0.5), pixels)
    assert smallest_epsilon(network, pixels, label) is None


@pytest.mark.filterwarnings("error")
def test_a_diverged_network_raises_no_warning(trained, some):
    network = trained.copy()
    network.parameters[...] = np.inf
    pixels, label = some[0]
    assert np.array_equal(fast_gradient_sign(network, pixels, label, 0.5), pixels)


# -- what is refused


def test_bad_input_is_refused_in_one_sentence(trained, some):
    (pixels, label), rng = some[0], np.random.default_rng(0)
    for epsilon in (-0.1, 1.1, np.nan):
        with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\]"):
            fast_gradient_sign(trained, pixels, label, epsilon)
        with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\]"):
            random_sign_noise(pixels, epsilon, rng)
        with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\]"):
            smallest_epsilon(trained, pixels, label, limit=epsilon)
    with pytest.raises(ValueError, match=r"epsilon must be in \[0, 1\]"):
        answers_by_epsilon(trained, pixels, label, [], rng)
    with pytest.raises(ValueError, match=r"label must be a class in 0\.\.9, got 10"):
        fast_gradient_sign(trained, pixels, 10, 0.1)
    for bad in (pixels.ravel(), pixels / 255):
        with pytest.raises(ValueError, match=r"pixels must be \(28, 28\) uint8"):
            fast_gradient_sign(trained, bad, label, 0.1)
        with pytest.raises(ValueError, match=r"pixels must be \(28, 28\) uint8"):
            random_sign_noise(bad, 0.1, rng)
