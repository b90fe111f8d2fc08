"""The inspect pages through the front door: every view is of the chosen moment, and tells what it cannot show."""

import base64
import gc
import io
import math
import weakref

import numpy as np
import pytest
import streamlit as st
from PIL import Image

from mlp.analysis import gradient_at, input_patterns, passport, project, unit_order
from mlp.training import RunConfig
from mlp.ui import live
from mlp.viz import LIGHT, layer_labels, weight_tiles

from .app_page import (
    DIVERGES,
    SMALL,
    all_text,
    buttons,
    choose,
    data_of,
    figures,
    follow,
    followed,
    go,
    has,
    hold,
    moment_slider,
    moments,
    network_at,
    numbers,
    press,
    see,
    train,
    trainer_of,
    wait_for,
    widget,
)

DEEP_SIGMOID = {
    **SMALL,
    "hidden_layers": "100,100,100,100,100,100",
    "activation": "sigmoid",
    "weight_init": "glorot_normal",
}
EXPLODES = {"loss": "mean_squared_error", "activation": "identity"}
PAGES = ("gradients", "weights", "activations")
PROBED = {
    "Gradient of the weights": "weight_gradient",
    "Gradient of the biases": "bias_gradient",
    "Update : weight": "update_ratio",
    "Gradient's turn": "gradient_cosine",
    "Dead units": "dead",
    "Saturated": "saturated",
}
LOGARITHMIC = {"weight_gradient", "bias_gradient", "update_ratio"}


@pytest.fixture
def visit(open_app):
    """Opens one of the inspect pages, after the start page, with a network of these settings."""

    def open_page(page="gradients", query=SMALL):
        at = open_app(query)
        return go(at, page) if page else at

    return open_page


# -- seeing and pressing


def heatmap(at):
    (figure,) = figures(at, "gradient_heatmap")
    return figure


def cursor(at):
    """The step at which the heatmap's mark stands."""
    (step,) = {shape["x0"] for shape in heatmap(at)["layout"]["shapes"]}
    return step


def picture(at):
    """The tiles of the weights page: (H, W, 3)."""
    return np.array(Image.open(io.BytesIO(base64.b64decode(data_of(at, "weights_tiles")["picture"]))).convert("RGB"))


def tiles_of(patterns, **scale):
    return weight_tiles(patterns, LIGHT, columns=10, gap=0, **{"limit": np.abs(patterns).max(), **scale})


def tile_numbers(at):
    return [unit["number"] for unit in data_of(at, "weights_tiles")["units"]]


def points(at):
    """{class name: (coords (n, 2), which test digits (n,))} of the plane."""
    (figure,) = figures(at, "plane")
    return {
        trace["name"]: (np.column_stack([numbers(trace["x"]), numbers(trace["y"])]), numbers(trace["customdata"]))
        for trace in figure["data"]
    }


# -- nothing learnt yet


@pytest.mark.parametrize("page", PAGES)
def test_before_the_first_step_each_page_says_so_in_a_sentence(visit, page):
    at = visit(page)
    (notice,) = at.info
    assert "Nothing has been learnt yet" in notice.value
    assert {"Play", "Step", "Epoch", "Reset"} <= set(buttons(at))
    assert not at.error
    assert not at.success, "there is nothing to praise yet"
    assert buttons(at)["Play back"].disabled
    train(at, 3)
    assert not at.info


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_is_opened_by_its_address_trains_too(visit, page):
    at = visit(page)
    wait_for(press(at, "Step"), lambda at: trainer_of(at).step_count == 1 and "Play" in buttons(at))
    assert not see(at.run()).info


# -- gradients


def test_each_heatmap_holds_the_probes_of_the_run(visit):
    at = train(visit(query={**SMALL, "hidden_layers": "16,12", "activation": "tanh"}), 30, every_step=True)
    probes = trainer_of(at).probes.probes()
    kinds = widget(at, "button_group", "What to show").options
    assert len(kinds) == 6
    for kind, measure in PROBED.items():
        choose(at, "button_group", "What to show", kind)
        figure, values = heatmap(at), getattr(probes, measure)
        assert kind in figure["layout"]["title"]["text"]
        assert figure["layout"]["yaxis"]["ticktext"] == ["hidden 1", "hidden 2", "output"]
        shown = figure["data"][0]
        z, customdata = numbers(shown["z"]), numbers(shown["customdata"]) if "customdata" in shown else None
        assert z.shape == values.shape == (3, 30)
        wanted = np.log10(values, where=values > 0, out=np.full_like(values, np.nan))
        if measure in LOGARITHMIC:
            np.testing.assert_allclose(z, wanted, rtol=1e-5, err_msg=kind)
        else:
            np.testing.assert_allclose(z, values, rtol=1e-5, err_msg=kind)
        np.testing.assert_allclose(customdata[..., 2], values, rtol=1e-5, err_msg=kind)  # what hovering tells
        np.testing.assert_array_equal(customdata[0, :, 0], probes.steps)
        np.testing.assert_allclose(customdata[0, :, 1], probes.steps / 16, rtol=1e-5)


def test_a_quick_short_run_has_columns_all_along(visit, monkeypatch):
    monkeypatch.setattr("mlp.training.probes.TIME_SHARE", -1.0)  # as quick as can be
    at = train(visit(query={"train_size": "100", "validation_size": "100", "epochs": "50"}), 200)
    assert trainer_of(at).finished
    edges = numbers(heatmap(at)["data"][0]["x"])
    low, high = heatmap(at)["layout"]["xaxis"]["range"]
    assert edges[0] <= low < high <= edges[-1], "nowhere white"
    assert high >= cursor(at) == 200
    assert np.diff(edges).max() <= 0.21 * 200


def test_the_colour_of_the_steps_agrees_with_the_diagnosis(visit):
    """Green is where the diagnosis lets the update:weight ratio pass, rust where it calls the steps too long."""
    query = {"train_size": "5000", "validation_size": "500"}
    for settings, healthy in (({}, True), ({"optimizer": "adam"}, True), ({"learning_rate": "10"}, False)):
        at = train(visit(query={**query, "learning_rate": "0.001" if settings else "0.1", **settings}), 150)
        choose(at, "button_group", "What to show", "Update : weight")
        trace = heatmap(at)["data"][0]
        places = [place for place, _ in trace["colorscale"]]
        low, high = (trace["zmin"] + place * (trace["zmax"] - trace["zmin"]) for place in (places[1], places[3]))
        z = numbers(trace["z"])
        recent = z[:, z.shape[1] * 3 // 4 :]
        assert bool(at.success) == healthy
        assert bool(((low <= recent) & (recent <= high)).all()) == healthy


def test_the_words_of_the_gradients_page_are_explained(visit):
    at = train(visit(query={**SMALL, "hidden_layers": "16,12", "activation": "tanh"}), 30, every_step=True)
    for kind, words in (
        ("Gradient of the weights", ("length of the gradient, ‖dW‖", "next to the pixels on top", "darken upwards")),
        ("Gradient of the biases", ("‖db‖", "length")),
        ("Update : weight", ("changed in one step", "‖ΔW‖", "‖W‖", "thousandths", "from 0.00003 to 0.1")),
        ("Gradient's turn", ("cosine of the angle",)),
    ):
        choose(at, "button_group", "What to show", kind)
        captions = [caption.value for caption in at.caption]
        assert any(all(part in caption for part in words) for caption in captions), (kind, captions)
        assert not any("1e-3" in caption for caption in captions)
        assert any("first 100 training digits" in caption.help for caption in at.caption)


def test_the_histograms_are_of_the_weights_and_gradients_at_the_moment(visit):
    at = hold(train(visit(), 40), 8)
    trainer = trainer_of(at)
    network, digits = network_at(at, 8), trainer.dataset.train
    gradients = gradient_at(network, digits.images, digits.labels)
    for figure, arrays in zip(figures(at, "gradient_histograms"), (gradients, network.state_dict()), strict=True):
        for layer, trace in enumerate(figure["data"]):
            values = arrays[f"{layer}.weight"].astype(np.float64).ravel()
            counts, middles = numbers(trace["y"]), numbers(trace["x"])
            assert counts.sum() == values.size
            np.testing.assert_allclose(middles[-1] - middles[0], 60 / 61 * 2 * np.abs(values).max(), rtol=1e-4)
            inner = slice(31, None)  # right of the bin that holds zero
            assert counts[inner].sum() == (values > np.abs(values).max() / 61).sum()


def test_the_bands_are_the_percentiles_of_the_gradient_at_every_snapshot(visit):
    at = train(visit(), 40)
    choose(at, "button_group", "Layer", 1)
    trainer = trainer_of(at)
    snapshots, digits, twin = trainer.snapshots, trainer.dataset.train, trainer.network.copy()
    for figure, kind in zip(figures(at, "gradient_spread"), ("weight", "bias"), strict=True):
        (median,) = [trace for trace in figure["data"] if trace["name"] == "Median"]
        assert numbers(median["x"]).tolist() == snapshots.steps
        wanted = []
        for step in snapshots.steps:
            twin.parameters[:] = snapshots.at(step).parameters
            wanted.append(np.median(gradient_at(twin, digits.images, digits.labels)[f"1.{kind}"]))
        np.testing.assert_allclose(numbers(median["y"]), wanted, rtol=1e-4, atol=1e-7)
        assert "output" in figure["layout"]["title"]["text"]


# -- diagnosis


def found_titles(at):
    return [words.value.split(".")[0].strip("*") for words in at.markdown if words.value.startswith("**")]


def test_a_healthy_run_is_said_to_be_well(visit):
    at = train(visit(query={"train_size": "5000", "validation_size": "500"}), 150, every_step=True)
    (praise,) = at.success
    assert "Nothing looks wrong" in praise.value
    assert not [label for label in buttons(at) if label.startswith("Try")]


def test_with_too_little_to_judge_by_nothing_is_praised(visit):
    at = train(visit(query={**SMALL, "learning_rate": "10"}), 1)
    assert not any("gradients reach every layer" in praise.value for praise in at.success)


def test_six_sigmoid_layers_have_a_gradient_that_vanishes_and_a_remedy_that_trains(visit):
    at = train(visit(query=DEEP_SIGMOID), 40, every_step=True)
    assert not at.success
    assert "The gradient vanishes on its way back" in found_titles(at)
    z = numbers(heatmap(at)["data"][0]["z"])
    assert z.shape == (7, 40)
    assert np.median(z[0]) < np.median(z[-1]) - 2, "two decades at the least between the first layer and the last"

    old, config = trainer_of(at), trainer_of(at).config
    (remedy,) = [label for label in buttons(at) if label.startswith("Try")]
    assert "ReLU" in remedy
    press(at, remedy)
    new = trainer_of(at)
    assert new is not old
    assert new.config == config.changed(activation="relu", weight_init="he_normal")
    wait_for(at, lambda at: new.step_count > 20)  # it trains by itself
    assert "The gradient vanishes on its way back" not in found_titles(see(at.run()))
    if "Pause" in buttons(at):
        press(at, "Pause")


@pytest.mark.parametrize(
    ("settings", "titles"),
    [
        ({"learning_rate": "10"}, {"The loss explodes: the learning rate is too high"}),
        (
            {"learning_rate": "10", "loss": "mean_squared_error", "activation": "identity"},
            {"The training has diverged"},
        ),
        ({"learning_rate": "2", "hidden_layers": "100,100"}, {"Many units are dead"}),
        ({"weight_init": "zeros"}, {"Zero weights: the hidden units cannot become different"}),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_with_its_rule_and_a_remedy(visit, settings, titles):
    at = train(visit(query={**SMALL, **settings}), 200, every_step=True)
    assert not at.success
    named = titles & set(found_titles(at))
    assert named, all_text(at)
    remedies = [button for button in at.button if button.label.startswith("Try")]
    assert len(remedies) == len(found_titles(at))
    assert all_text(at).count("Named ") == len(remedies), "each rule states its threshold"


def test_the_diagnosis_is_that_of_the_chosen_moment(visit):
    at = train(visit(query=DEEP_SIGMOID), 40, every_step=True)
    assert not at.success
    hold(at, 2)
    assert "The gradient vanishes on its way back" not in found_titles(at)
    hold(at, 40)
    assert "The gradient vanishes on its way back" in found_titles(at)


def test_what_went_wrong_later_does_not_spoil_the_diagnosis_of_before(visit):
    at = train(visit(), 40, every_step=True)
    assert at.success
    trainer_of(at).change(learning_rate=10.0)
    train(at, 60, every_step=True)
    assert not at.success
    hold(at, 40)
    assert at.success, found_titles(at)


# -- the moment


def test_while_it_is_followed_the_moment_is_now(visit):
    at = train(visit(), 5)
    assert cursor(at) == 5
    assert followed(at) == "step 5 · epoch 0.3"
    train(at, 20)
    assert cursor(at) == 25
    assert followed(at) == "step 25 · epoch 1.6"


def test_a_slider_is_only_for_a_list_of_moments_that_stays_as_it_is(visit):
    """The browser remembers a slider by its key and shows step 0 when the list no longer holds what it remembers."""
    at, keys = visit(), {}
    for steps in (40, 50):
        train(at, steps)
        assert not at.select_slider, "a slider whose list grows"
        follow(at, False)
        assert moment_slider(at).value == trainer_of(at).step_count
        assert keys.setdefault(moment_slider(at).key, moments(at)) == moments(at)
        follow(at, True)
    assert len(keys) == 2


def test_an_earlier_moment_is_shown_and_does_not_move_when_training_goes_on(visit):
    at = hold(train(visit(), 40), 16)
    held = data_of(at, "gradient_histograms")
    options = moments(at)
    for _ in range(3):
        train(at, 50)
        assert moment_slider(at).value == 16
        assert cursor(at) == 16
        assert moments(at) == options, "the slider moves under the hand"
        assert data_of(at, "gradient_histograms") == held
    follow(at, True)
    assert cursor(at) == 190


def test_the_present_moment_can_be_held_too(visit):
    at = follow(train(visit(), 27), False)
    assert cursor(at) == 27
    held = data_of(at, "gradient_histograms")
    train(at, 50)
    assert cursor(at) == 27
    assert data_of(at, "gradient_histograms") == held


def test_every_single_step_is_there_to_look_back_at(visit):
    at = visit()
    for done in range(1, 7):
        press(at, "Step")
        wait_for(at, lambda at, done=done: trainer_of(at).step_count == done and "Play" in buttons(at))
    follow(at, False)
    assert moments(at) == list(range(7))


def test_the_same_moment_is_shown_on_all_pages(visit):
    at = hold(train(visit(), 40), 16)
    network = network_at(at, 16)
    for page in (*PAGES, "live", *PAGES):
        go(at, page)
        if page == "live":
            continue
        assert moment_slider(at).value == 16
        assert not widget(at, "toggle", "Follow live").value
        if page == "gradients":
            assert cursor(at) == 16
        elif page == "weights":
            patterns = input_patterns(network, 0)
            np.testing.assert_array_equal(
                picture(at), tiles_of(patterns[unit_order(network)], limit=np.abs(patterns).max())
            )
        else:
            strips = figures(at, "strips")[0]["data"]
            wanted = network.layer_values(trainer_of(at).dataset.test.images[:1])[0][1][0]
            np.testing.assert_allclose(numbers(strips[0]["z"]).ravel()[:16], wanted, rtol=1e-5)


def film(at):
    """The moments that are shown until it ends."""
    seen = [moment_slider(at).value]
    for _ in range(100):
        if "Stop" not in buttons(at):
            return seen
        see(at.run())
        seen.append(moment_slider(at).value)
    raise AssertionError(f"the film does not end: {seen}")


def test_play_back_shows_one_moment_after_the_other_and_ends_with_the_last(visit):
    at = press(train(visit(), 40), "Play back")
    kept = moments(at)
    seen = film(at)
    assert list(dict.fromkeys(seen)) == kept[-len(set(seen)) :]
    assert len(set(seen)) >= len(kept) - 1
    assert seen[-1] == 40
    assert not widget(at, "toggle", "Follow live").value


def test_play_back_begins_with_the_first_moment(visit):
    at = press(train(visit(), 40), "Play back")
    assert moment_slider(at).value == 0


def test_play_back_can_be_stopped_and_followed_again(visit):
    at = press(train(visit(), 40), "Play back")
    see(at.run())
    press(at, "Stop")
    stopped = moment_slider(at).value
    assert 0 < stopped < 40
    assert moment_slider(see(at.run())).value == stopped
    press(at, "Play back")
    assert moment_slider(at).value < stopped, "it begins anew"
    follow(at, True)
    assert "Stop" not in buttons(at)
    assert cursor(at) == 40


def test_a_moment_chosen_during_play_back_is_held(visit):
    at = press(train(visit(), 40), "Play back")
    choose(at, "select_slider", "Moment", 4)
    assert "Stop" not in buttons(at)
    assert moment_slider(see(at.run())).value == 4


def thinned(visit):
    """A page that holds step 16, of which there is no snapshot any more; 8 is the one before."""
    at = hold(train(visit(), 40), 16)
    log = trainer_of(at).snapshots
    log._kept = {step: kept for step, kept in log._kept.items() if step != 16}
    return see(at.run())


@pytest.mark.parametrize("page", PAGES)
def test_of_a_moment_thinned_away_the_nearest_earlier_one_is_shown(visit, page):
    at = go(thinned(visit), page)
    earlier = max(step for step in trainer_of(at).snapshots.steps if step < 16)
    network = network_at(at, earlier)
    if page == "gradients":
        assert cursor(at) == earlier
    elif page == "weights":
        np.testing.assert_array_equal(picture(at), tiles_of(input_patterns(network, 0)[unit_order(network)]))
    else:
        wanted = network.layer_values(trainer_of(at).dataset.test.images[:1])[0][1][0]
        np.testing.assert_allclose(numbers(figures(at, "strips")[0]["data"][0]["z"]).ravel()[:16], wanted, rtol=1e-5)


def test_of_a_moment_thinned_away_a_sentence_says_what_is_shown(visit):
    at = thinned(visit)
    earlier = max(step for step in trainer_of(at).snapshots.steps if step < 16)
    notices = [notice.value for kind in ("info", "warning", "caption") for notice in at.get(kind)]
    assert any(f"step {earlier}" in notice for notice in notices), notices


def test_a_reset_has_no_past_and_is_followed(visit):
    at = press(hold(train(visit(), 40), 16), "Reset")
    assert widget(at, "toggle", "Follow live").value
    assert not at.select_slider
    train(at, 6)
    assert cursor(at) == 6


@pytest.fixture
def periods(monkeypatch):
    """How often the page looks again: what each of its fragments asked for, in seconds; None is not at all."""
    fragment, found = st.fragment, []

    def noted(function=None, *, run_every=None, **settings):
        found.append(run_every)
        return fragment(function, run_every=run_every, **settings)

    monkeypatch.setattr(st, "fragment", noted)
    return found


def test_a_held_page_hears_of_the_end_of_the_run(visit, periods):
    at = hold(train(visit(query={**SMALL, "epochs": "10000"}), 40), 16)
    periods.clear()
    press(at, "Play")
    assert "Pause" in buttons(at)
    assert any(periods)
    press(at, "Pause")
    wait_for(at, lambda at: "Play" in buttons(at))


def test_the_cursor_stands_on_the_heatmap_even_when_the_last_probe_is_long_ago(visit, monkeypatch):
    at = train(visit(), 5, every_step=True)
    monkeypatch.setattr("mlp.training.probes.TIME_SHARE", -1.0)  # no further probe is affordable
    monkeypatch.setattr("mlp.training.probes.LONGEST_GAP", math.inf)
    train(at, 60)
    low, high = heatmap(at)["layout"]["xaxis"]["range"]
    assert low <= cursor(at) <= high
    assert numbers(heatmap(at)["data"][0]["x"])[-1] == cursor(at), "the last column reaches to the mark"


@pytest.mark.parametrize("page", ["gradients", "live"])
def test_a_page_that_offers_to_pause_looks_again(visit, wait_until, monkeypatch, periods, page):
    at = go(visit(), page)
    transport = live.transport

    def slow_transport(workbench, run):
        offers_pause = transport(workbench, run)
        wait_until(lambda: not run.busy)  # a short epoch ends while the page is drawn
        return offers_pause

    monkeypatch.setattr(live, "transport", slow_transport)
    periods.clear()
    press(at, "Epoch")
    assert "Play" in buttons(at) or any(periods), "the page says Pause for ever"


def test_a_moment_held_at_a_pause_stays_when_a_better_one_comes(visit):
    at = train(visit(), 27)
    trainer_of(at).check_validation()  # as at every pause
    follow(at, False)
    trainer_of(at).advance(steps=50)
    trainer_of(at).check_validation()
    see(at.run())
    assert cursor(at) == 27


# -- weights


def test_each_unit_is_drawn_in_its_own_weights(visit):
    at = train(visit("weights"), 20)
    network = trainer_of(at).network
    W = network.linears[0].W
    order = np.argsort(-np.linalg.norm(W, axis=0), kind="stable")
    assert tile_numbers(at) == order.tolist()
    np.testing.assert_array_equal(picture(at), tiles_of(W.T[order]))
    choose(at, "toggle", "Own scale for each", True)
    np.testing.assert_array_equal(picture(at), tiles_of(W.T[order], own_scale=True))


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("order", ["norm", "similarity", "class"])
def test_units_stand_in_the_order_asked_for_in_every_layer(visit, layer, order):
    at = train(visit("weights", {**SMALL, "hidden_layers": "16,12"}), 20)
    choose(at, "button_group", "Layer", layer)
    choose(at, "selectbox", "Order", order)
    network = trainer_of(at).network
    wanted = unit_order(network, order, layer)
    assert tile_numbers(at) == wanted.tolist()
    np.testing.assert_array_equal(picture(at), tiles_of(input_patterns(network, layer)[wanted]))
    assert has(at, "weights_matrix") == (layer > 0)
    if layer:
        (trace,) = figures(at, "weights_matrix")[0]["data"]
        np.testing.assert_allclose(numbers(trace["z"]), network.linears[layer].W.T, rtol=1e-6)


def test_what_changed_since_an_earlier_moment(visit):
    at = train(visit("weights"), 40)
    choose(at, "selectbox", "Show", 8)
    now, then = input_patterns(trainer_of(at).network, 0), input_patterns(network_at(at, 8), 0)
    np.testing.assert_array_equal(picture(at), tiles_of((now - then)[tile_numbers(at)]))
    hold(at, 4)  # step 8 is later than that
    shown = widget(at, "selectbox", "Show")
    assert shown.options[shown.index] == "The weights"
    np.testing.assert_array_equal(picture(at), tiles_of(input_patterns(network_at(at, 4), 0)[tile_numbers(at)]))


def check_passport(at, layer, unit):
    trainer = trainer_of(at)
    digits, K = trainer.dataset.test, trainer.dataset.num_classes
    found = passport(trainer.network, layer, unit, digits.images, digits.labels, K)
    assert data_of(at, "weights_tiles")["chosen"] == unit
    (bars,) = figures(at, "passport_means")[0]["data"]
    np.testing.assert_allclose(numbers(bars["y"]), found.class_means, rtol=1e-5)
    assert bars["x"] == list(trainer.dataset.class_names)
    assert f"Without this unit {found.accuracy_without:.2%}" in all_text(at)
    assert f"with it {found.accuracy:.2%}" in all_text(at)
    loss = found.accuracy - found.accuracy_without
    assert ("makes no difference" if loss == 0 else f"{100 * abs(loss):.2f} percentage points.") in all_text(at)
    by = "logit" if layer == len(trainer.network.linears) - 1 else "input"
    z = trainer.network.layer_values(digits.images)[layer][0][:, unit]
    for most, positions in (("most", found.most), ("least", found.least)):
        shown = data_of(at, f"passport_The test digits that excite it {most}")
        assert base64.b64decode(shown["pixels"]) == digits.images[positions].tobytes()
        names = [trainer.dataset.class_names[label] for label in digits.labels[positions]]
        assert [tile["description"].split(",")[0] for tile in shown["tiles"]] == [f"A {name}" for name in names]
        assert f"**The test digits that excite it {most}**, by its {by}" in all_text(at)
        captions = [tile["caption"] for tile in shown["tiles"]]
        np.testing.assert_allclose([float(text) for text in captions], z[positions], atol=0.01 * np.abs(z).max())
        assert captions == sorted(captions, key=float, reverse=most == "most"), "the order is that of what is shown"
        assert len({len(text.partition(".")[2]) for text in captions}) == 1, f"as many decimals in a row: {captions}"
        assert len(set(captions)) > 1, "what is shown tells the digits apart"


def test_the_passport_is_that_of_the_unit_with_the_number_chosen(visit):
    at = train(visit("weights"), 60)
    check_passport(at, 0, 0)
    choose(at, "number_input", "Unit", 13)
    check_passport(at, 0, 13)
    choose(at, "button_group", "Layer", 1)  # which has ten units only
    check_passport(at, 1, 9)
    train(at, 10)
    check_passport(at, 1, 9)


def test_a_class_subset_has_its_own_names_everywhere(visit):
    at = train(visit("weights", {**SMALL, "classes": "1,7,8"}), 60)
    check_passport(at, 0, 0)
    choose(at, "selectbox", "Order", "class")
    spoken = [unit["caption"].split(" · ")[1] for unit in data_of(at, "weights_tiles")["units"]]
    assert set(spoken) <= {"1", "7", "8"}
    assert spoken == sorted(spoken)
    choose(at, "button_group", "Layer", 1)
    assert sorted(tile_numbers(at)) == [0, 1, 2]
    choose(at, "number_input", "Unit", 2)
    check_passport(at, 1, 2)
    assert figures(at, "weights_matrix")[0]["data"][0]["y"] == ["1", "7", "8"]
    own_colours = [LIGHT.classes[k] for k in (1, 7, 8)]
    assert figures(at, "passport_means")[0]["data"][0]["marker"]["color"] == own_colours
    go(at, "activations")
    assert [trace["marker"]["color"] for trace in figures(at, "plane")[0]["data"]] == own_colours
    labels = trainer_of(at).dataset.test.labels
    shown = points(at)
    assert list(shown) == ["1", "7", "8"]
    assert [len(coords) for coords, _ in shown.values()] == [int((labels[:2000] == k).sum()) for k in range(3)]
    go(at, "gradients")
    assert not at.error


def test_more_than_a_hundred_units_are_shown_on_pages(visit):
    at = train(visit("weights", {**SMALL, "hidden_layers": "250"}), 5)
    order = unit_order(trainer_of(at).network).tolist()
    for page, count in ((0, 100), (1, 100), (2, 50)):
        choose(at, "button_group", "Units", page)
        assert tile_numbers(at) == order[100 * page :][:count]
        assert picture(at).shape == (28 * math.ceil(count / 10), 280, 3)
    choose(at, "button_group", "Layer", 1)
    assert len(tile_numbers(at)) == 10
    choose(at, "button_group", "Layer", 0)
    assert len(tile_numbers(at)) in (50, 100)


def test_up_to_a_hundred_units_need_no_pages(visit):
    at = train(visit("weights", {**SMALL, "hidden_layers": "100"}), 5)
    assert len(tile_numbers(at)) == 100
    assert "Units" not in [group.proto.label for group in at.main.get("button_group")]


def test_pictures_can_be_saved_while_the_page_stands_still(visit):
    at = train(visit("weights"), 20)
    saved = {button.proto.label: button.proto for button in at.get("download_button")}
    assert set(saved) == {"Picture", "Animation"}
    assert not saved["Picture"].disabled
    assert not saved["Animation"].disabled
    press(at, "Play back")
    saved = {button.proto.label: button.proto for button in at.get("download_button")}
    assert saved["Picture"].disabled
    assert saved["Animation"].disabled
    assert "Follow live" in saved["Picture"].help


# -- activations


def test_two_thousand_test_digits_stand_in_the_plane_of_each_layer(visit):
    at = train(visit("activations", {**SMALL, "hidden_layers": "16,12"}), 60)
    trainer = trainer_of(at)
    digits = trainer.dataset.test
    values = trainer.network.layer_values(digits.images[:2000])
    for layer in (1, 0, 2):
        choose(at, "button_group", "Layer", layer)
        activations = values[layer][1] if layer < 2 else values[layer][0]
        wanted = project(activations)
        shown = points(at)
        assert list(shown) == list(trainer.dataset.class_names)
        assert sum(len(coords) for coords, _ in shown.values()) == 2000
        for k, (coords, which) in enumerate(shown.values()):
            np.testing.assert_array_equal(which, np.flatnonzero(digits.labels[:2000] == k))
            # the plane may be turned to stand as it stood at the look before; distances stay
            np.testing.assert_allclose(
                np.linalg.norm(coords, axis=1), np.linalg.norm(wanted.coords[which], axis=1), rtol=1e-4, atol=1e-4
            )
        share = figures(at, "plane")[0]["layout"]["xaxis"]["title"]["text"]
        assert "% of the spread" in share


def test_the_plane_hardly_turns_from_moment_to_moment(visit):
    at = train(visit("activations"), 60)
    before = np.concatenate([coords for coords, _ in points(at).values()])
    train(at, 1)
    after = np.concatenate([coords for coords, _ in points(at).values()])
    assert np.linalg.norm(after - before) < 0.5 * np.linalg.norm(before)


@pytest.mark.parametrize("digit", [0, 4321, 9999])
def test_one_digits_way_through_the_layers(visit, digit):
    at = train(visit("activations", {**SMALL, "hidden_layers": "100,16"}), 40)
    choose(at, "number_input", "Test digit", digit)
    trainer = trainer_of(at)
    image = trainer.dataset.test.images[digit : digit + 1]
    values = trainer.network.layer_values(image)
    (figure,) = figures(at, "strips")
    for trace, (_, a) in zip(figure["data"], values, strict=True):
        shown = numbers(trace["z"]).ravel()
        np.testing.assert_allclose(shown[: a.shape[1]], a[0], rtol=1e-5)
        assert np.isnan(shown[a.shape[1] :]).all()
    probabilities = values[-1][1][0]
    answer = int(probabilities.argmax())
    assert f"{answer}: {probabilities[answer]:.1%} sure" in figure["layout"]["title"]["text"]
    tile = data_of(at, "strip_digit")
    assert base64.b64decode(tile["pixels"]) == image.tobytes()
    assert tile["tiles"][0]["right"] == (answer == trainer.dataset.test.labels[digit])


# -- networks and runs of another kind


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layers": "none"},
        {"hidden_layers": "1"},
        {"hidden_layers": "8,8,8,8,8,8"},
        {"validation_size": "0"},
        {"train_size": "20", "batch_size": "full"},
        {"weight_init": "zeros"},
        {"weight_init": "zeros", "hidden_layers": "none"},
        {"activation": "identity", "dtype": "float64"},
        {"classes": "3,5"},
        {"epochs": "1"},
    ],
    ids=str,
)
def test_every_page_shows_what_it_can_of_any_network(visit, settings):
    at = visit(None, {**SMALL, **settings})
    trainer = trainer_of(at)
    for steps in (1, trainer.steps_per_epoch - 1):
        if steps:
            trainer.advance(steps=steps)
        for page in PAGES:
            go(at, page)
            assert not at.error, page
            assert not at.info, page
    layers = layer_labels(len(trainer.network.linears))
    go(at, "gradients")
    assert heatmap(at)["layout"]["yaxis"]["ticktext"] == layers
    kinds = widget(at, "button_group", "What to show").options
    assert any("Dead" in kind for kind in kinds) == (len(layers) > 1)
    go(at, "weights")
    assert len(widget(at, "button_group", "Layer").options) == len(layers)
    go(at, "activations")
    there_are = min(2000, len(trainer.dataset.test))
    assert sum(len(coords) for coords, _ in points(at).values()) == there_are


@pytest.mark.parametrize("page", PAGES)
def test_a_run_that_diverged_says_so_and_shows_its_last_good_weights(visit, page):
    at = train(visit(page, DIVERGES), 400, every_step=True)
    assert trainer_of(at).diverged
    (notice,) = at.error
    assert "learning rate 10" in notice.value
    assert buttons(at)["Play"].disabled
    assert [label for label in buttons(at) if "0.1" in label]
    hold(at, 0)
    all_kept = moments(at)
    if page == "gradients":
        assert "The training has diverged" not in found_titles(at), "at step 0 nothing had gone wrong yet"
        follow(at, True)
        assert "The training has diverged" in found_titles(at)
    for kept in all_kept[1:4]:
        hold(at, kept)


def test_what_was_chosen_for_a_deep_network_does_not_break_a_flat_one(visit):
    """Layer, kind, unit, page and moment of before are no longer there after the reset."""
    at = train(visit("gradients", {**SMALL, "hidden_layers": "250,30,20"}), 10, every_step=True)
    choose(at, "button_group", "What to show", "Dead units")
    choose(at, "button_group", "Layer", 3)
    go(at, "weights")
    choose(at, "button_group", "Units", 2)
    choose(at, "number_input", "Unit", 249)
    choose(at, "selectbox", "Show", 4)
    choose(at, "button_group", "Layer", 2)
    go(at, "activations")
    choose(at, "button_group", "Layer", 3)
    go(at, "live")
    (depth,) = [one for one in at.sidebar.get("slider") if one.label == "Hidden layers"]
    see(depth.set_value(0).run())
    press(at, "Reset with the new settings")
    for page in PAGES:
        go(at, page)
    train(at, 3, every_step=True)
    for page in PAGES:
        go(at, page)
        assert not at.error


def test_a_test_digit_chosen_of_all_classes_does_not_break_a_subset(visit):
    at = train(visit("activations"), 5)
    choose(at, "number_input", "Test digit", 9876)
    go(at, "live")
    (classes,) = [group for group in at.sidebar.get("button_group") if "classes" in group.proto.label]
    see(classes.set_value([1, 7]).run())
    press(at, "Reset with the new settings")
    go(at, "activations")
    assert widget(at, "number_input", "Test digit").value < len(trainer_of(at).dataset.test)


def test_every_choice_is_still_there_after_another_page(visit):
    at = train(visit("weights", {**SMALL, "hidden_layers": "16,12"}), 20)
    choose(at, "button_group", "Layer", 1)
    choose(at, "selectbox", "Order", "class")
    choose(at, "toggle", "Own scale for each", True)
    go(go(at, "activations"), "weights")
    assert widget(at, "button_group", "Layer").value == 1
    assert widget(at, "selectbox", "Order").value == "class"
    assert widget(at, "toggle", "Own scale for each").value


def test_the_address_holds_the_settings_on_every_page(visit):
    for page in PAGES:
        at = visit(page, {**SMALL, "seed": "3"})
        address = {name: value if isinstance(value, str) else value[-1] for name, value in at.query_params.items()}
        address.pop("run")
        assert RunConfig.from_query(address) == trainer_of(at).config


def test_a_reset_lets_go_of_the_network_before(visit, wait_until):
    at = train(visit(), 30)
    for page in ("gradients", "weights", "activations", "live"):
        go(at, page)
    old = weakref.ref(trainer_of(at))
    press(at, "Reset")

    def gone() -> bool:
        gc.collect()
        return old() is None

    wait_until(gone, timeout=10)
