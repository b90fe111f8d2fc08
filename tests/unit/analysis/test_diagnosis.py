"""Each rule by a run that was really trained; healthy runs raise nothing; little or broken evidence crashes nothing."""

import dataclasses
import math

import numpy as np
import pytest

from mlp.analysis import diagnose
from mlp.analysis.diagnosis import MIN_PROBES, Run
from mlp.data import load_dataset
from mlp.training import History, RunConfig, Trainer, TrainingDivergedError
from mlp.training.history import EpochRecord
from mlp.training.probes import MEASURES, LayerProbes

TANH = {"hidden_layers": (100,), "activation": "tanh", "weight_init": "glorot_normal"}
SIGMOID = {**TANH, "activation": "sigmoid"}
ADAM = {"optimizer": "adam", "learning_rate": 0.001}
DEEP_RELU = {"hidden_layers": (100,) * 6}
LARGE_WEIGHTS = {"weight_init": "normal", "weight_init_std": 0.5}
DEEP_SIGMOID = {**SIGMOID, "hidden_layers": (100,) * 6}


@pytest.fixture(scope="module")
def mnist():
    """Digits for every run here, by size of the training set; few of them to test on, for nobody looks at those."""
    loaded = {}

    def load(config):
        key = config.train_size, config.label_noise
        if key not in loaded:
            found = load_dataset(
                train_size=config.train_size, validation_size=config.validation_size, label_noise=config.label_noise
            )
            loaded[key] = dataclasses.replace(found, test=found.validation)
        return loaded[key]

    return load


@pytest.fixture
def start(mnist):
    """A trainer before its first step."""

    def make(**settings):
        config = RunConfig(**{"train_size": 5000, "validation_size": 1000, "epochs": 1000, **settings})
        return Trainer(config, mnist(config))

    return make


@pytest.fixture
def trained(start):
    """A trainer after `steps` steps, or where it diverged."""
    return lambda steps, **settings: train(start(**settings), steps)


def train(trainer, steps):
    """Up to that step, probed at about 60 moments."""
    stride = max(1, steps // 60)
    try:
        while trainer.step_count < steps:
            trainer.probes.every_step = trainer.step_count % stride >= stride - 2
            trainer.step()
    except TrainingDivergedError:
        pass
    return trainer


def diagnosed(trainer):
    return diagnose(
        trainer.config,
        trainer.history,
        trainer.probes.probes(),
        steps_per_epoch=trainer.steps_per_epoch,
        diverged=trainer.diverged,
        network=trainer.network,
    )


def kinds(trainer):
    return [finding.kind for finding in diagnosed(trainer)]


def finding_of(trainer, kind):
    return next(finding for finding in diagnosed(trainer) if finding.kind == kind)


def shown(number):
    return f"{number:.3g}"


def empty_probes(layers=2, probes=0, value=np.nan):
    arrays = {name: np.full((layers, probes), value) for name in MEASURES}
    return LayerProbes(steps=np.arange(1, probes + 1), **arrays)


def history_of(losses, epochs=(), accuracies=(0.95, 0.9)):
    history = History()
    for loss in losses:
        history.steps.append(loss, 0.1, 0.1, 1.0)
    history.epochs += [
        EpochRecord(i + 1, i + 1, train, 0.1, accuracies[0], validation, accuracies[1], np.nan, np.nan, 1.0)
        for i, (train, validation) in enumerate(epochs)
    ]
    return history


# -- healthy runs


def test_the_default_raises_nothing_after_one_three_and_ten_epochs(start):
    trainer = start(train_size=10_000)
    for epochs in (1, 3, 10):
        train(trainer, 313 * epochs)
        assert trainer.epoch == epochs
        assert len(trainer.probes) >= MIN_PROBES
        assert diagnosed(trainer) == []


@pytest.mark.parametrize(
    "settings",
    [
        {**TANH, "learning_rate": 0.1},
        {**TANH, "learning_rate": 0.5},
        {**SIGMOID, "learning_rate": 0.1},
        {**SIGMOID, "learning_rate": 0.5},
        ADAM,
        {"hidden_layers": ()},
        {"hidden_layers": (), "weight_init": "zeros"},
        DEEP_RELU,
        {**DEEP_SIGMOID, "activation": "tanh"},
        {"optimizer": "momentum", "learning_rate": 0.01},
        {"loss": "mean_squared_error"},
        {"learning_rate": 0.01},
        {"input_scaling": "standard"},
        {"dropout": 0.5},
        {"schedule": "cosine", "epochs": 2},
        {"warmup_epochs": 10, "learning_rate": 0.1},
    ],
    ids=str,
)
def test_a_healthy_run_raises_nothing_at_any_time(start, settings):
    trainer = start(**settings)
    for steps in (20, 60, 310):
        assert diagnosed(train(trainer, steps)) == [], f"after {steps} steps"


def test_a_healthy_full_batch_raises_nothing(trained):
    assert diagnosed(trained(40, batch_size="full", train_size=1000)) == []


# -- each rule


@pytest.mark.parametrize(
    ("expected", "steps", "settings"),
    [
        (["vanishing"], 60, DEEP_SIGMOID),
        (["vanishing"], 310, DEEP_SIGMOID),
        (["learning_rate_high", "dead_units"], 100, {"learning_rate": 10}),
        (["learning_rate_high"], 100, {"learning_rate": 10, "hidden_layers": ()}),
        (["learning_rate_high", "saturated_units", "vanishing"], 310, {**TANH, "learning_rate": 10}),
        (["learning_rate_high", "dead_units"], 100, {"learning_rate": 2}),
        (["learning_rate_high"], 310, {"activation": "leaky_relu", "learning_rate": 2}),
        (["exploding"], 100, {**DEEP_RELU, **LARGE_WEIGHTS, "learning_rate": 1e-6}),
        (["diverged"], 100, {"activation": "identity", "learning_rate": 10, "loss": "mean_squared_error"}),
        (["diverged"], 100, {**DEEP_RELU, "learning_rate": 1}),
        (["zero_weights"], 60, {"weight_init": "zeros"}),
        (["zero_weights"], 60, {**SIGMOID, "weight_init": "zeros"}),
        (["learning_rate_low"], 150, {"learning_rate": 1e-5}),
        (["learning_rate_low"], 150, {"learning_rate": 1e-6, "optimizer": "adam"}),
        (["saturated_units"], 150, {**TANH, "weight_init": "normal", "weight_init_std": 1}),
        (["saturated_units"], 150, {**SIGMOID, "weight_init": "normal", "weight_init_std": 1}),
        (["nothing_learnt"], 310, {"label_noise": 0.9, "train_size": 10_000}),
        (["overfitting"], 120, {"train_size": 100}),
    ],
    ids=str,
)
def test_a_run_that_goes_wrong_is_named(trained, expected, steps, settings):
    trainer = trained(steps, **settings)
    findings = diagnosed(trainer)
    assert [finding.kind for finding in findings] == expected
    for finding in findings:
        assert trainer.config.changed(**finding.remedy) != trainer.config, "the remedy changes something"
        for text in (finding.title, finding.evidence, finding.advice, finding.threshold, finding.source):
            assert text
            assert "nan" not in text.lower().replace("nancy", "")
        assert any(character.isdigit() for character in finding.evidence), "the evidence is measured"


def test_the_remedies_of_the_deep_sigmoid_network_and_of_dead_units_help(trained):
    for settings, kind in ((DEEP_SIGMOID, "vanishing"), ({"learning_rate": 2}, "dead_units")):
        remedy = finding_of(trained(100, **settings), kind).remedy
        assert diagnosed(trained(310, **{**settings, **remedy})) == []


def test_without_a_more_telling_cause_learning_nothing_is_named_by_its_loss(trained):
    found = finding_of(trained(310, **{**SIGMOID, "hidden_layers": (100,) * 3}), "nothing_learnt")
    assert shown(math.log(10)) in found.evidence
    assert found.remedy == {"activation": "relu", "weight_init": "he_normal"}


# -- the evidence, computed apart


def test_the_vanishing_gradient_is_the_median_of_the_ratios_of_relative_gradients(trained):
    trainer = trained(60, **DEEP_SIGMOID)
    probes = trainer.probes.probes()
    ratios = []
    for i, step in enumerate(probes.steps):
        if step > 0.8 * probes.steps[-1]:
            first = probes.weight_gradient[0, i] / probes.weight_norm[0, i]
            ratios.append(first / (probes.weight_gradient[-1, i] / probes.weight_norm[-1, i]))
    assert len(ratios) == 12
    assert f" {shown(sorted(ratios)[5] / 2 + sorted(ratios)[6] / 2)} times" in finding_of(trainer, "vanishing").evidence


def test_relative_gradients_do_not_accuse_a_large_layer_behind_small_ones():
    # Gaussian noise of one size relative to the weights: the norms differ by √(784·1024 / (2·10)), the ratios do not.
    probes = empty_probes(2, 10)
    for layer, size in enumerate((784 * 1024, 2 * 10)):
        probes.weight_gradient[layer], probes.weight_norm[layer] = 0.01 * size**0.5, size**0.5
    config = RunConfig(hidden_layers=(1024,))
    run = Run(config, history_of([2.0] * 40), probes, 40)
    assert run.first_to_last == pytest.approx(1)
    assert diagnose(config, run.history, probes, steps_per_epoch=40) == []


def test_the_exploding_gradient_is_measured_over_all_weights(trained):
    trainer = trained(100, **DEEP_RELU, **LARGE_WEIGHTS, learning_rate=1e-6)
    probes = trainer.probes.probes()
    norms = [sum(n**2 for n in probes.weight_gradient[:, i]) ** 0.5 for i in np.flatnonzero(probes.steps > 80)]
    found = finding_of(trainer, "exploding")
    assert f"norm of {np.median(norms):,.0f}," in found.evidence
    assert found.remedy == {"weight_init": "he_normal"}


def test_a_first_layer_that_moves_a_hundred_times_as_fast_as_the_last_is_exploding_too():
    probes = empty_probes(2, 40)
    probes.weight_norm[:] = 10
    probes.weight_gradient[0], probes.weight_gradient[1] = 1, 1 / 150
    (found,) = diagnose(RunConfig(), history_of([1.0] * 40), probes, steps_per_epoch=40)
    assert found.kind == "exploding"
    assert " 150 times that of the last" in found.evidence
    assert found.remedy == {"gradient_clip": 1.0}


def test_dead_units_are_counted_on_the_layer_that_has_most(trained):
    trainer = trained(100, hidden_layers=(50, 50), learning_rate=2)
    probes = trainer.probes.probes()
    medians = [np.median(probes.dead[layer, probes.steps > 80]) for layer in (0, 1)]
    worst = int(np.argmax(medians))
    evidence = finding_of(trainer, "dead_units").evidence
    assert f"hidden layer {worst + 1}, {shown(100 * medians[worst])}% of the units" in evidence


@pytest.mark.parametrize(
    ("measure", "share", "expected"),
    [
        ("dead", 0.49, []),
        ("dead", 0.51, ["dead_units"]),
        ("saturated", 0.69, []),
        ("saturated", 0.71, ["saturated_units"]),
    ],
)
def test_dead_and_saturated_units_are_named_from_the_threshold_on(measure, share, expected):
    probes = empty_probes(3, 40)
    getattr(probes, measure)[:2] = 0.1
    getattr(probes, measure)[1, 30:] = share
    found = diagnose(RunConfig(hidden_layers=(9, 9)), history_of([1.0] * 40), probes, steps_per_epoch=40)
    assert [finding.kind for finding in found] == expected
    assert all(f"hidden layer 2, {100 * share:.3g}%" in finding.evidence for finding in found)


def test_the_jump_of_the_loss_is_the_highest_mean_of_ten_steps(trained):
    trainer = trained(100, learning_rate=10)
    losses = trainer.history.steps.column("loss").astype(float)
    means = [sum(losses[i : i + 10]) / 10 for i in range(len(losses) - 9)]
    evidence = finding_of(trainer, "learning_rate_high").evidence
    assert f"from {shown(losses[0])} at the first step to {shown(max(means))} around step" in evidence


def test_in_a_very_long_run_whose_history_was_thinned_steps_are_named_by_their_numbers(monkeypatch):
    monkeypatch.setattr("mlp.training.history.MOST_ROWS", 200)
    history = history_of([2.3] * 300 + [50.0] * 100 + [2.0] * 600)
    (found,) = diagnose(RunConfig(learning_rate=1), history, empty_probes(), steps_per_epoch=50)
    assert "to 50 around step 345 and is now 2" in found.evidence
    assert Run(RunConfig(), history, empty_probes(), 50).steps == 1000


def test_a_jump_from_which_the_loss_recovers_is_forgiven():
    config, probes = RunConfig(), empty_probes()
    bad = history_of([2.3] * 10 + [50.0] * 20 + [2.0] * 200)
    healed = history_of([2.3] * 10 + [50.0] * 20 + [0.2] * 200)
    unlucky_start = history_of([50.0] * 20 + [2.0] * 200)
    found = [diagnose(config, history, probes, steps_per_epoch=50) for history in (bad, healed, unlucky_start)]
    assert [[finding.kind for finding in findings] for findings in found] == [["learning_rate_high"], [], []]


def test_lasting_long_steps_are_named_even_if_the_loss_does_not_jump():
    probes = empty_probes(2, 200)
    probes.update_ratio[:] = 0.01
    probes.update_ratio[1] = 0.3
    (found,) = diagnose(RunConfig(learning_rate=1), history_of([1.0] * 200), probes, steps_per_epoch=50)
    assert found.kind == "learning_rate_high"
    assert "by 0.3 of the length" in found.evidence
    assert found.remedy == {"learning_rate": 0.1}


def test_a_run_that_has_learnt_may_take_short_steps():
    probes = empty_probes(2, 200)
    probes.update_ratio[:] = 1e-6
    assert diagnose(RunConfig(), history_of([0.01] * 200), probes, steps_per_epoch=50) == []
    (found,) = diagnose(RunConfig(), history_of([2.0] * 200), probes, steps_per_epoch=50)
    assert found.kind == "learning_rate_low"


def test_during_the_warmup_short_steps_are_no_fault():
    probes = empty_probes(2, 200)
    probes.update_ratio[:] = 1e-6
    history = history_of([2.0] * 200)
    assert diagnose(RunConfig(warmup_epochs=5), history, probes, steps_per_epoch=50) == []


def test_overfitting_tells_the_means_of_the_last_three_epochs(trained):
    trainer = trained(120, train_size=100)
    last = trainer.history.epochs[-3:]
    evidence = finding_of(trainer, "overfitting").evidence
    assert f"{shown(sum(r.train_loss for r in last) / 3)} on the training digits" in evidence
    assert f"{shown(sum(r.validation_loss for r in last) / 3)} on the validation digits" in evidence


def test_overfitting_by_trend_needs_a_rise_while_the_training_loss_falls():
    falling = [0.3, 0.2, 0.15, 0.12, 0.1, 0.08, 0.07, 0.06, 0.05]
    rising = [0.35, 0.25, 0.22, 0.2, 0.2, 0.22, 0.23, 0.24, 0.25]
    level = [0.35, 0.25, 0.22, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]

    def found(train, validation, **more):
        history = history_of([0.1] * 9, zip(train, validation, strict=True), **more)
        return diagnose(RunConfig(), history, empty_probes(), steps_per_epoch=1)

    (finding,) = found(falling, rising)
    assert finding.kind == "overfitting"
    assert "0.24 on the validation digits, up from 0.207 at epoch 4" in finding.evidence
    assert finding.remedy == {"dropout": 0.3}
    assert found(falling, level) == []
    assert found(rising, rising) == []
    assert found([0.06] * 6 + [0.08, 0.09, 0.1], rising) == [], "what both losses share is not overfitting"
    assert found(falling, rising, accuracies=(0.195, 0.194)) == [], "nothing was learned by heart"
    assert found(falling[:4], rising[:4]) == [], "four epochs are too few"
    assert found(falling, [np.nan] * 9) == [], "without validation digits there is nothing to compare"


def test_the_reason_why_zero_weights_do_not_learn_depends_on_the_activation(trained):
    relu = finding_of(trained(60, weight_init="zeros"), "zero_weights")
    assert "gradient of a hidden layer is 0: all hidden outputs are 0" in relu.evidence
    sigmoid = finding_of(trained(60, **{**SIGMOID, "weight_init": "zeros"}), "zero_weights")
    assert "they stay one unit, copied" in sigmoid.evidence
    assert sigmoid.remedy == {"weight_init": "glorot_normal"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("activation", "hidden_layers"),
    [("relu", (30,)), ("tanh", (30,)), ("sigmoid", (30,)), ("sigmoid", (30, 20))],
    ids=str,
)
def test_units_that_stay_copies_are_named_whatever_rounding_does(start, dtype, activation, hidden_layers):
    settings = {"activation": activation, "hidden_layers": hidden_layers, "dtype": dtype}
    trainer = start(**settings, weight_init="zeros", train_size=1000)
    for steps in (1, 20, 100, 310):
        assert kinds(train(trainer, steps)) == ["zero_weights"], f"after {steps} steps"


@pytest.mark.parametrize(("dtype", "separate"), [("float32", True), ("float64", False)])
def test_units_that_rounding_has_told_apart_are_copies_no_more(start, dtype, separate):
    trainer = start(**{**SIGMOID, "weight_init": "zeros", "learning_rate": 1.0, "dtype": dtype})
    assert kinds(train(trainer, 60)) == ["zero_weights"]
    train(trainer, 1000)
    W = trainer.network.linears[0].W
    distance = np.linalg.norm(W - W[:, :1]) / np.linalg.norm(W)
    assert (distance > 0.1) == separate
    assert ("zero_weights" in kinds(trainer)) == (not separate)


def test_nearly_equal_units_are_named_however_they_came_about(trained):
    """Normal weights so small that what all units learn alike soon outweighs them."""
    settings = {"activation": "sigmoid", "hidden_layers": (50,), "weight_init": "normal", "weight_init_std": 1e-6}
    assert kinds(trained(310, **settings)) == ["zero_weights"]


@pytest.mark.parametrize("hidden_layers", [(1,), (2,), (2, 1)])
def test_few_units_are_not_copies(trained, hidden_layers):
    for activation in ("relu", "sigmoid"):
        assert "zero_weights" not in kinds(trained(310, hidden_layers=hidden_layers, activation=activation))


def test_unscaled_pixels_are_the_first_suspect(trained):
    trainer = trained(100, input_scaling="none")
    assert kinds(trainer)
    assert all(finding.remedy == {"input_scaling": "unit"} for finding in diagnosed(trainer))


# -- little or broken evidence


@pytest.mark.parametrize("hidden_layers", [(), (196,), (50, 50)])
@pytest.mark.parametrize("weight_init", ["he_normal", "zeros"])
def test_before_the_first_step_there_is_nothing_to_say(hidden_layers, weight_init):
    config = RunConfig(hidden_layers=hidden_layers, weight_init=weight_init)
    probes = empty_probes(len(hidden_layers) + 1)
    assert diagnose(config, History(), probes, steps_per_epoch=10) == []


def test_one_step_and_one_probe_are_no_evidence(trained):
    for settings in (DEEP_SIGMOID, {"learning_rate": 10}, {"hidden_layers": ()}):
        trainer = trained(1, **settings)
        assert len(trainer.probes) == 1
        assert diagnosed(trainer) == []


def test_four_probes_are_too_few_to_speak_about_layers():
    for probes, expected in ((4, []), (5, ["dead_units"])):
        shares = empty_probes(2, probes)
        shares.dead[0] = 0.9
        found = diagnose(RunConfig(), history_of([1.0] * 40), shares, steps_per_epoch=40)
        assert [finding.kind for finding in found] == expected


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("loss", [np.nan, np.inf, 2.3])
def test_broken_numbers_crash_nothing_and_are_not_quoted(value, activation, loss):
    config = RunConfig(activation=activation)
    history = history_of([2.3] * 100 + [loss] * 300, [(loss, loss)] * 6)
    for layers in (1, 2):
        found = diagnose(config, history, empty_probes(layers, 30, value), steps_per_epoch=50)
        assert not [finding for finding in found if "nan" in finding.evidence and loss == 2.3]


def test_a_diverged_run_quotes_the_trainer_and_takes_its_remedy(trained):
    trainer = trained(100, activation="identity", learning_rate=10, loss="mean_squared_error")
    found = finding_of(trainer, "diverged")
    assert f"step {trainer.diverged.step}" in found.evidence
    assert trainer.diverged.place in found.evidence
    assert found.remedy == trainer.diverged.remedy == {"learning_rate": 0.1}
    assert found.advice == "Try a learning rate of 0.1."


def test_a_run_that_diverges_at_its_first_step_is_named_too():
    error = TrainingDivergedError(1, "the logits", "The learning rate is most likely too high.", {"learning_rate": 0.1})
    (found,) = diagnose(RunConfig(), History(), empty_probes(), steps_per_epoch=10, diverged=error)
    assert found.kind == "diverged"
