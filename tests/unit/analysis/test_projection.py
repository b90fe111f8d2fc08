"""The plane of hidden activations: principal components by their definition, and a picture that does not flip."""

from itertools import pairwise

import numpy as np
import pytest

from mlp.analysis import project
from mlp.analysis.projection import LARGE
from mlp.training import RunConfig, Trainer


def cloud(n=400, units=30, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, units)) * np.linspace(3, 0.1, units) @ rng.normal(size=(units, units)) + 5


@pytest.mark.parametrize(("n", "units"), [(400, 30), (20, 30), (LARGE + 100, LARGE + 20), (LARGE + 5, LARGE + 100)])
def test_the_axes_are_the_first_two_singular_vectors(n, units):
    x = cloud(n, units)
    found = project(x)
    centred = x - x.mean(axis=0)
    _, s, vt = np.linalg.svd(centred, full_matrices=False)
    for k in (0, 1):
        assert abs(found.axes[:, k] @ vt[k]) == pytest.approx(1, abs=1e-7)
        assert found.explained[k] == pytest.approx(s[k] ** 2 / np.sum(s**2))
        assert found.axes[np.abs(found.axes[:, k]).argmax(), k] > 0
    np.testing.assert_allclose(found.coords, centred @ found.axes, atol=1e-9)


@pytest.mark.parametrize("units", [30, LARGE + 20])
def test_the_same_activations_give_the_same_bytes(units):
    x = cloud(400, units).astype(np.float32)
    assert project(x).coords.tobytes() == project(x.copy()).coords.tobytes()


def test_float32_is_precise_enough():
    x = cloud(400, LARGE + 20)
    difference = project(x).coords - project(x.astype(np.float32), project(x)).coords
    assert np.abs(difference).max() < 1e-3 * np.abs(project(x).coords).max()


@pytest.mark.parametrize("degrees", [0, 30, 90, 180, 261])
@pytest.mark.parametrize("flip", [1, -1])
def test_the_plane_is_turned_and_flipped_onto_the_reference(degrees, flip):
    x = cloud()
    plain = project(x)
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [flip * np.sin(angle), flip * np.cos(angle)]])
    aligned = project(x, plain.coords @ turn)
    np.testing.assert_allclose(aligned.coords, plain.coords @ turn, atol=1e-9)
    np.testing.assert_allclose(aligned.axes.T @ aligned.axes, np.eye(2), atol=1e-9)
    np.testing.assert_allclose(aligned.coords, (x - aligned.mean) @ aligned.axes, atol=1e-9)
    assert aligned.explained.sum() == pytest.approx(plain.explained.sum())
    assert aligned.explained == pytest.approx(np.var(aligned.coords, axis=0) / np.var(x, axis=0).sum())


def test_no_other_rotation_lies_closer_to_the_reference():
    reference, x = project(cloud(seed=1)), cloud(seed=2)
    aligned = project(x, reference).coords

    def distance(coords):
        return np.linalg.norm(coords - reference.coords)

    for angle in np.linspace(0, 2 * np.pi, 50):
        for flip in (1, -1):
            turn = np.array([[np.cos(angle), -np.sin(angle)], [flip * np.sin(angle), flip * np.cos(angle)]])
            assert distance(aligned @ turn) >= distance(aligned) - 1e-9


def test_units_in_another_order_give_the_same_picture():
    x = cloud()
    reference = project(x)
    shuffled = project(x[:, np.random.default_rng(1).permutation(30)], reference)
    np.testing.assert_allclose(shuffled.coords, reference.coords, atol=1e-9)


def test_an_animation_of_a_training_does_not_jump(digits):
    trainer = Trainer(RunConfig(train_size=500, validation_size=200, hidden_layers=(50,), epochs=30), digits)
    pictures = []
    for _ in range(20):
        trainer.advance(steps=10)
        a = trainer.network.hidden_activations(digits.test.images[:500])[0]
        pictures.append(project(a, pictures[-1] if pictures else None))
    for before, after in pairwise(pictures):
        moved = np.linalg.norm(after.coords - before.coords) / np.linalg.norm(before.coords)
        flipped = np.linalg.norm(after.coords + before.coords) / np.linalg.norm(before.coords)
        assert moved < 0.6 < 1.5 < flipped


@pytest.mark.parametrize("x", [np.full((50, 8), 3.0), np.zeros((1, 8)), np.zeros((50, 1)), np.zeros((400, LARGE + 1))])
def test_digits_that_do_not_spread_lie_on_one_point(x):
    found = project(x)
    assert found.coords.shape == (len(x), 2)
    assert not found.coords.any()
    assert found.explained.tolist() == [0, 0]
    assert project(x, found).coords.shape == (len(x), 2)


def test_one_unit_spreads_along_one_axis_and_a_line_lies_on_one():
    one = project(np.arange(5.0)[:, np.newaxis])
    assert one.coords[:, 0].tolist() == [-2, -1, 0, 1, 2]
    assert one.explained.tolist() == [1, 0]
    line = project(np.outer(np.arange(5.0), np.ones(9)))
    np.testing.assert_allclose(line.explained, [1, 0], atol=1e-12)
    np.testing.assert_allclose(line.axes.T @ line.axes, np.eye(2), atol=1e-9)


def test_huge_activations_do_not_overflow():
    x = cloud().astype(np.float32)
    np.testing.assert_allclose(project(x * np.float32(1e30)).coords / 1e30, project(x).coords, rtol=1e-3, atol=1e-2)


def test_what_cannot_be_projected_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="finite numbers"):
        project(np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match=r"shape \(0, 5\)"):
        project(np.zeros((0, 5)))
    with pytest.raises(ValueError, match=r"the same digits, coords of shape \(400, 2\), got \(399, 2\)"):
        project(cloud(), project(cloud(399)))
