import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig, Export, from_record, from_toml, to_record, to_toml
from craft_core.corpus import Cleaning, Columns, Limits
from craft_core.describe import NAME_LIMIT, ClusterNames
from craft_core.errors import ParameterError
from craft_core.params import Param, build, parameters
from craft_core.selectors import SELECTORS
from craft_core.stability import Repeats
from craft_core.vectorize import VECTORIZERS, Precomputed

DATA = Data(("pool.tsv", 'more "quoted" ü.csv'), "validation.tsv", "test.tsv")


def values(one: Param) -> st.SearchStrategy:
    """Any value a parameter may have; free text keeps its default, as some texts are names of columns or encodings."""
    if one.choices:
        return st.sampled_from(one.choices)
    if one.kind is bool:
        return st.booleans()
    if one.kind is str:
        return st.just(one.default)
    low, high = one.low if one.low is not None else -1000, one.high if one.high is not None else 10**6
    number = st.integers(int(low), int(high)) if one.kind is int else st.floats(float(low), float(high))
    return st.one_of(st.none(), number) if one.optional else number


NAMES = st.dictionaries(st.integers(0, 999_999_999), st.text(max_size=NAME_LIMIT), max_size=5).map(ClusterNames.of)


@st.composite
def built(draw: st.DrawFn, cls: type) -> object:
    found = {one.name: draw(values(one)) for one in parameters(cls)}
    try:
        return build(cls, found, cls.__name__)
    except ParameterError:
        return cls()  # two values that do not go together


@st.composite
def configs(draw: st.DrawFn) -> ExperimentConfig:
    return ExperimentConfig(
        DATA,
        draw(st.integers(1, 10**9)),
        draw(st.integers(0, 2**63)),
        draw(built(Columns)),
        draw(built(Limits)),
        draw(built(Cleaning)),
        draw(built(VECTORIZERS[draw(st.sampled_from(list(VECTORIZERS)))])),
        draw(built(KMeans)),
        draw(built(SELECTORS[draw(st.sampled_from(list(SELECTORS)))])),
        draw(built(Export)),
        draw(built(Repeats)),
        draw(NAMES),
    )


@given(configs())
def test_a_config_survives_toml_to_the_last_bit(config: ExperimentConfig) -> None:
    assert repr(from_toml(to_toml(config))) == repr(config)


def test_a_parameter_that_is_off_stays_off() -> None:
    config = ExperimentConfig(DATA, cleaning=Cleaning(max_characters=None))
    assert 'max_characters = "none"' in to_toml(config)
    assert from_toml(to_toml(config)).cleaning.max_characters is None


def test_a_text_may_be_the_word_none() -> None:
    config = ExperimentConfig(DATA, columns=Columns(id="none"), vectorizer=Precomputed(folder="none"))
    assert from_toml(to_toml(config)) == config


def test_a_short_recipe_takes_defaults() -> None:
    config = from_toml('[data]\npool = "pool.tsv"\nvalidation = "validation.tsv"\n')
    assert config == ExperimentConfig(Data(("pool.tsv",), "validation.tsv"))


def test_a_recipe_from_before_stability_still_loads() -> None:
    record = to_record(ExperimentConfig(DATA, stability=Repeats(3, True)))
    assert record["stability"] == {"n_seeds": 3, "vary_clusters": True}
    del record["stability"]
    assert from_record(record) == ExperimentConfig(DATA)


def test_names_of_clusters_survive_toml_and_json() -> None:
    given = {12: 'Say "fever" \\ 100 %', 3: "बच्चों में बुखार", 0: "👩‍⚕️ = #1"}
    config = ExperimentConfig(DATA, cluster_names=ClusterNames.of(given))
    text = to_toml(config)
    assert '[cluster_names]\n0 = "👩‍⚕️ = #1"\n3 = "बच्चों में बुखार"\n12 = ' in text
    assert from_toml(text).cluster_names.as_dict() == given
    assert from_record(json.loads(json.dumps(to_record(config)))) == config
    assert hash(from_toml(text)) == hash(config)


def test_a_recipe_from_before_names_still_loads() -> None:
    record = to_record(ExperimentConfig(DATA))
    assert record.pop("cluster_names") == {}
    assert from_record(record) == ExperimentConfig(DATA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_clusters": 3}, "unknown entry 'n_clusters'"),
        ({"clustering": {"clusters": 3}}, "no parameter 'clusters'. It has: n_clusters"),
        ({"clustering": {"n_clusters": 0}}, "'n_clusters' parameter of k-means must lie in"),
        ({"clustering": 3}, "'clustering' must be a section"),
        ({"stability": {"n_seeds": 51}}, r"'n_seeds' parameter of stability must lie in \[0, 50\]"),
        ({"stability": {"seeds": 5}}, "no parameter 'seeds'. It has: n_seeds, vary_clusters"),
        ({"cluster_names": ["Fever"]}, "'cluster_names' must be a section"),
        ({"cluster_names": {"x": "Fever"}}, "name clusters by their number, such as 12. Got 'x'"),
        ({"cluster_names": {"-1": "Fever"}}, "name clusters by their number, such as 12. Got '-1'"),
        ({"cluster_names": {"07": "Fever"}}, "name clusters by their number, such as 12. Got '07'"),
        ({"cluster_names": {"7" * 9_999: "Fever"}}, "name clusters by their number"),
        ({"cluster_names": {"7": 7}}, "name of cluster 7 must be text. Got 7"),
        ({"cluster_names": {"7": "F" * 81}}, "name of cluster 7 has 81 characters; give it one of at most 80"),
        ({"selector": {"name": "magic"}}, "no selector 'magic'"),
        ({"selector": {"allocation": "water-fill"}}, "must say which one, by its 'name'"),
        ({"vectorizer": {"name": "magic"}}, "no vectorizer 'magic'"),
        ({"budget": 0}, "budget must be a whole number of at least 1"),
        ({"budget": "many"}, "Got 'many'"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"data": {"pool": [], "validation": "v"}}, "must name the 'pool' files"),
        ({"data": {"pool": ["p"]}}, "one 'validation' file"),
        ({"data": {"pool": ["p"], "validation": "v", "train": "t"}}, "unknown entry 'train'"),
    ],
)
def test_a_bad_recipe_gets_a_sentence(change: dict, message: str) -> None:
    record = to_record(ExperimentConfig(DATA)) | change
    with pytest.raises(ParameterError, match=message):
        from_record(record)


def test_text_that_is_no_toml_gets_a_sentence() -> None:
    with pytest.raises(ParameterError, match="not valid TOML"):
        from_toml("[data")


def test_every_part_of_a_config_is_written() -> None:
    config = ExperimentConfig(DATA)
    assert set(to_record(config)) == set(replace(config).__dataclass_fields__)
