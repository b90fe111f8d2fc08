"""The recipes page through the front door: every recipe is told, and one press makes it the network on the page."""

import json

import pytest

from mlp.training import RunConfig, Trainer
from mlp.training import recipes as book
from mlp.training.recipes import RECIPES, REFERENCE, measured
from mlp.ui import live
from mlp.ui import recipes as page

from .app_page import all_text, choose, go, keyed, numbers, press_key, see, trainer_of

SMALL_START = {"train_size": "500", "validation_size": "200", "hidden_layers": "16"}
BY_KEY = {recipe.key: recipe for recipe in RECIPES}


@pytest.fixture
def visit(open_app):
    """Opens the recipes page, after the start page, with a small network."""

    def open_page(query=SMALL_START):
        return go(open_app(query), "recipes")

    return open_page


def open_only(at, *keys):
    at.session_state[page._OPEN] = set(keys)
    return see(at.run())


def has_button(at, key):
    return any(one.key == key for one in at.button)


def run_it(at, key):
    return press_key(at, f"run_{key}")


def is_live_page(at):
    return [title.value for title in at.title] == ["Watch it learn"]


def train_a_little(at):
    trainer_of(at).advance(steps=3)
    return see(at.run())


# -- what is told


def test_every_recipe_has_a_line_with_its_idea(visit):
    at = visit()
    labels = [box.label for box in at.expander]
    assert len(labels) == len(RECIPES)
    for number, (recipe, label) in enumerate(zip(RECIPES, labels, strict=True), start=1):
        assert recipe.title in label
        assert recipe.idea in label
        assert label.startswith(f"**{number} · ") == (recipe in REFERENCE)


def test_only_the_first_is_open_at_the_start(visit):
    at = visit()
    assert [one.key for one in at.button if one.key.startswith("run_")] == [f"run_{RECIPES[0].key}"]


def test_every_recipe_tells_its_origin_what_was_found_and_what_to_look_at(visit):
    at = open_only(visit(), *BY_KEY)
    text = all_text(at)
    for recipe in RECIPES:
        assert has_button(at, f"run_{recipe.key}")
        for words in (recipe.origin, recipe.watch, recipe.comparison):
            assert words in text
        if recipe.key != "deep":  # whose sliders stand at another variant
            found = measured(recipe, recipe.variants[0])
            assert f"{found.test_accuracy:.2%}" in text
    assert "python -m benchmarks.recipes" in text
    assert "have not been measured" not in text


def test_reported_and_measured_stand_side_by_side(visit):
    at = open_only(visit(), "keras")
    found = measured(BY_KEY["keras"], BY_KEY["keras"].variants[0])
    assert f"| Validation loss | 0.141 | {found.validation_loss:.3f} |" in all_text(at)
    assert f"| Training loss | 0.048 | {found.train_loss:.3f} |" in all_text(at)
    at = open_only(at, "relu-196")
    found = measured(BY_KEY["relu-196"], BY_KEY["relu-196"].variants[0])
    assert f"| Test accuracy | 98.01% | {found.test_accuracy:.2%} |" in all_text(at)


def test_a_variant_shows_its_own_settings_and_numbers(visit):
    at = open_only(visit(), "keras")
    assert "Glorot, uniform" in all_text(at)
    at = choose(at, "button_group", "Variant", "He weights")
    found = measured(BY_KEY["keras"], BY_KEY["keras"].variants[2])
    assert "He, normal" not in all_text(at)  # the default, so it is not said
    assert f"| Training loss | 0.048 | {found.train_loss:.3f} |" in all_text(at)


def test_settings_are_named_as_in_the_sidebar_and_only_those_that_count():
    three = BY_KEY["three-digits"].variants[0].config
    words = page._differences(three)
    assert "Only these classes **1, 7, 8**" in words
    assert "Batch size **all**" in words
    assert "Their standard deviation **0.0316**" in words
    assert page._differences(RunConfig()) == ""
    assert page._differences(RunConfig(hidden_layers=(), activation="tanh")) == "Hidden layers **none**"
    assert "deviation" not in page._differences(RunConfig(weight_init="zeros", weight_init_std=1))


def test_nearly_all_is_not_all(visit):
    at = open_only(visit(), "ours")
    assert 0.9999 < measured(BY_KEY["ours"], BY_KEY["ours"].variants[0]).train_accuracy < 1
    assert "| Training | > 99.99% | < 0.001 |" in all_text(at)


@pytest.mark.parametrize("key", [recipe.key for recipe in RECIPES if recipe.study])
def test_a_study_is_drawn_from_the_table(visit, key):
    at = open_only(visit(), key)
    (chart,) = [one for one in at.get("bidi_component") if one.proto.id.endswith(f"-study_{key}")]
    data = json.loads(chart.proto.json)
    (figure,) = [json.loads(text) for text in data["figures"]]
    assert figure["layout"]["xaxis"]["type"] == "log"
    recipe = BY_KEY[key]
    drawn = [value for trace in figure["data"] if trace["name"] != "training" for value in numbers(trace["y"])]
    assert drawn == [measured(recipe, variant).test_accuracy for variant in recipe.variants]
    assert f"{max(drawn):.2%}" in data["descriptions"][0]


def test_without_a_table_the_page_says_so(visit, monkeypatch):
    monkeypatch.setattr(book, "measurements", dict)
    at = open_only(visit(), *BY_KEY)
    assert "These very settings have not been measured." in all_text(at)


# -- what can be pressed


@pytest.mark.parametrize("key", ["softmax", "three-digits-momentum", "relu-100", "ours", "rate-10", "100-digits"])
def test_run_it_goes_to_the_live_page_and_trains_this_network(visit, key, wait_until):
    at = run_it(open_only(visit(), key), key)
    assert is_live_page(at)
    assert trainer_of(at).config == BY_KEY[key].variants[0].config
    wait_until(lambda: trainer_of(at).step_count > 0)
    at = see(at.run())
    assert not at.error
    assert "A new network is needed" not in all_text(at), "the sidebar shows the recipe's settings"


def test_run_it_takes_the_variant_that_is_chosen(visit):
    at = open_only(visit(), "dead-relus")
    choose(at, "button_group", "Variant", "Raw pixels")
    at = run_it(at, "dead-relus")
    assert trainer_of(at).config == BY_KEY["dead-relus"].variants[1].config


def test_the_deep_one_is_made_by_its_sliders(visit):
    at = open_only(visit(), "deep")
    choose(at, "slider", "L, affine layers", 3)
    at = choose(at, "slider", "H, units in each hidden layer", 50)
    network = Trainer(RunConfig(hidden_layers=(50, 50), train_size=20, validation_size=0)).network
    assert f"784 → 50 → 50 → 10, {network.num_parameters:,} parameters" in all_text(at)
    assert "These very settings have not been measured." in all_text(at)
    at = choose(at, "slider", "L, affine layers", 1)
    assert "784 → 10, 7,850 parameters" in all_text(at)
    at = choose(at, "slider", "L, affine layers", 3)
    at = run_it(at, "deep")
    assert is_live_page(at)
    assert trainer_of(at).config.hidden_layers == (50, 50)


def test_a_network_that_has_learned_is_only_replaced_after_a_yes(visit):
    at = train_a_little(open_only(visit(), "100-digits", "softmax"))
    mine = trainer_of(at)
    at = run_it(at, "100-digits")
    assert not is_live_page(at)
    assert trainer_of(at) is mine
    (warning,) = at.warning
    assert "3 steps" in warning.value
    assert keyed(at, "run_100-digits").label == "Replace it and run"
    assert keyed(at, "run_softmax").label == "Run it"
    at = run_it(at, "100-digits")
    assert is_live_page(at)
    assert trainer_of(at).config == BY_KEY["100-digits"].variants[0].config


def test_a_network_can_be_kept(visit):
    at = train_a_little(open_only(visit(), "100-digits"))
    mine = trainer_of(at)
    run_it(at, "100-digits")
    at = press_key(at, "recipes_keep")
    assert not at.warning
    assert keyed(at, "run_100-digits").label == "Run it"
    assert trainer_of(at) is mine


def test_a_network_that_cannot_be_made_leaves_the_old_one(visit, monkeypatch):
    def no_memory(*arguments, **settings):
        raise MemoryError("not enough memory for this network")

    at = open_only(visit(), "100-digits")
    mine = trainer_of(at)
    with monkeypatch.context() as patch:
        patch.setattr(live, "Trainer", no_memory)
        at = run_it(at, "100-digits")
    assert not is_live_page(at)
    assert [error.value for error in at.error] == ["Not enough memory for this network."]
    assert trainer_of(at) is mine


def test_what_was_open_is_open_after_a_look_at_another_page(visit):
    at = open_only(visit(), "keras", "width")
    go(at, "live")
    at = go(at, "recipes")
    assert has_button(at, "run_keras")
    assert has_button(at, "run_width")
    assert not has_button(at, "run_softmax")
