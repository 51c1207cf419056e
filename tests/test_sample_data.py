import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from sample_data import generate

FOLDER = Path(generate.__file__).parent
SPLITS = ("pool", "validation", "test")
DEVANAGARI = re.compile(r"[\u0904-\u0939]")


def rows(split):
    with (FOLDER / f"{split}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def corpus():
    return {split: rows(split) for split in SPLITS}


@pytest.fixture(scope="module")
def domains():
    return generate.load_domains()


def sentences(pairs, column="source"):
    return {generate.normalise(pair[column]) for pair in pairs}


def test_files_are_what_the_generator_writes():
    assert {name: (FOLDER / name).read_bytes() for name in generate.make_files()} == generate.make_files()


def test_check_notices_a_changed_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "HERE", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "pool.tsv" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "test.tsv").write_text("something else", encoding="utf-8")
    assert generate.main(["--check"]) == 1


def test_sizes_columns_and_ids(corpus):
    assert {split: len(corpus[split]) for split in SPLITS} == {"pool": 6000, "validation": 400, "test": 400}
    assert list(corpus["pool"][0]) == ["id", "source", "target", "domain", "planted"]
    assert list(corpus["test"][0]) == list(corpus["validation"][0]) == ["id", "source", "target", "domain"]
    for split in SPLITS:
        assert [row["id"] for row in corpus[split]] == [f"{split}-{number:05d}" for number in range(1, len(corpus[split]) + 1)]


def test_domain_shares(corpus):
    held_out = {"health": 160, "farming": 80, "weather": 60, "travel": 40, "home": 40, "banking": 20}
    assert Counter(row["domain"] for row in corpus["validation"]) == held_out
    assert Counter(row["domain"] for row in corpus["test"]) == held_out
    pool = Counter(row["domain"] for row in corpus["pool"])
    assert pool["farming"] == 30
    assert 0.07 <= pool["health"] / 6000 <= 0.09
    assert len(pool) == len(generate.QUOTA)


def test_planted_counts(corpus):
    assert Counter(row["planted"] for row in corpus["pool"]) == {
        "": 5105,
        "misaligned": 600,
        "near-duplicate": 250,
        "overlap": 25,
        "duplicate": 20,
    }


def test_only_planted_overlaps_stand_in_two_splits(corpus):
    unplanted = [row for row in corpus["pool"] if row["planted"] != "overlap"]
    for column in ("source", "target"):
        validation, test = sentences(corpus["validation"], column), sentences(corpus["test"], column)
        assert len(validation) == len(test) == 400
        assert not validation & test
        assert not (validation | test) & sentences(unplanted, column)


def test_overlaps_stand_in_validation_and_test(corpus):
    planted = sentences([row for row in corpus["pool"] if row["planted"] == "overlap"])
    assert len(planted & sentences(corpus["validation"])) == 15
    assert len(planted & sentences(corpus["test"])) == 10
    exact = {row["source"] for split in ("validation", "test") for row in corpus[split]}
    assert 0 < sum(row["source"] in exact for row in corpus["pool"]) < 25


def test_duplicates_repeat_a_clean_pair_exactly(corpus):
    clean = Counter((row["source"], row["target"]) for row in corpus["pool"] if not row["planted"])
    twins = [(row["source"], row["target"]) for row in corpus["pool"] if row["planted"] == "duplicate"]
    assert set(clean.values()) == {1}
    assert all(clean[twin] == 1 for twin in twins)


def test_near_duplicates_differ_little_from_a_clean_pair(corpus):
    def skeleton(text):
        return re.sub(r"\d+", "#", generate.normalise(text)).removeprefix("please ")

    clean = {row["source"] for row in corpus["pool"] if not row["planted"]}
    skeletons = {skeleton(source) for source in clean}
    for row in corpus["pool"]:
        if row["planted"] == "near-duplicate":
            assert row["source"] not in clean
            assert skeleton(row["source"]) in skeletons, row


def test_misaligned_pairs_bear_the_target_of_another_pair_half_of_them_of_their_domain(domains, corpus, monkeypatch):
    monkeypatch.setattr(generate, "MISALIGNED_SHARE", 0.0)
    aligned = generate.build_corpus(domains)["pool"]
    owner = {pair.target: pair for pair in aligned if not pair.planted}
    right = {pair.source: pair for pair in aligned if not pair.planted}
    wrong = [row for row in corpus["pool"] if row["planted"] == "misaligned"]
    assert len({row["target"] for row in wrong}) == len({row["source"] for row in wrong}) == 600
    inside = 0
    for row in wrong:
        giver = owner[row["target"]]
        assert (giver.domain, giver.pattern) != (row["domain"], right[row["source"]].pattern)
        inside += giver.domain == row["domain"]
    assert 295 <= inside <= 310
    ratios = sorted(len(row["target"]) / len(right[row["source"]].target) for row in wrong)
    assert ratios[60] > 0.7
    assert ratios[-60] < 1.4


def test_targets_are_devanagari_and_sentences_are_finished(corpus):
    for split in SPLITS:
        for row in corpus[split]:
            assert DEVANAGARI.search(row["target"]), row
            assert not DEVANAGARI.search(row["source"]), row
            assert not set("{}\t\n") & set(row["source"] + row["target"]), row
            assert row["source"] == row["source"].strip()
            assert row["target"] == row["target"].strip()


def test_there_are_enough_domains_and_patterns(domains):
    assert len(domains) >= 8
    assert sum(len(set(domain.patterns)) for domain in domains) >= 300
    assert {domain.name for domain in domains} == set(generate.QUOTA)
    for domain in domains:
        assert len(domain.patterns) >= 45
        assert len(set(domain.patterns)) == len(domain.patterns)
        assert sum("{" not in source for source, _ in domain.patterns) >= 10


def test_every_domain_can_give_many_pairs(domains):
    for domain in domains:
        drawn = generate.draw_pairs(domain, 1200, set(), generate.np.random.default_rng(1))
        assert len({generate.normalise(pair.source) for pair in drawn}) == 1200


def test_slots_agree(domains):
    for domain in domains:
        used = set()
        for source, target in domain.patterns:
            inside = {name + digit for name, digit, _ in generate.FIELD.findall(source)}
            assert inside == {name + digit for name, digit, _ in generate.FIELD.findall(target)}, source
            assert not any(oblique for _, _, oblique in generate.FIELD.findall(source)), source
            assert not set("{}") & set(generate.FIELD.sub("", source + target)), source
            used |= {name for name, _, _ in generate.FIELD.findall(source)}
        assert used == set(domain.slots), domain.name


def test_slot_entries_are_well_formed(domains):
    for domain in domains:
        for name, entries in domain.slots.items():
            assert len({entry[0] for entry in entries}) == len(entries), (domain.name, name)
            assert all(len(entry) in (2, 3) and all(entry) for entry in entries), (domain.name, name)


def test_articles_fit_their_nouns(domains):
    for domain in domains:
        for source, _ in domain.patterns:
            for article, slot in re.findall(r"\b([Aa]n?) \{([a-z_]+)", source):
                wrong = [entry[0] for entry in domain.slots[slot] if (entry[0][0].lower() in "aeiou") != (article.lower() == "an")]
                assert not wrong, source


def test_readme_counts_are_those_of_the_files(corpus):
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    table = {
        name: tuple(int(number.replace(",", "")) for number in numbers)
        for name, *numbers in re.findall(r"^\| (\w+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", text, re.MULTILINE)
    }
    counts = [Counter(row["domain"] for row in corpus[split]) for split in SPLITS]
    assert table == {name: tuple(count[name] for count in counts) for name in generate.QUOTA}


def test_too_few_patterns_are_an_error():
    domain = generate.Domain("tiny", [("One.", "एक।")], {})
    with pytest.raises(ValueError, match="tiny"):
        generate.draw_pairs(domain, 2, set(), generate.np.random.default_rng(0))


def test_two_draws_from_one_slot_differ():
    slots = {"city": [["Agra", "आगरा"], ["Delhi", "दिल्ली"]]}
    for seed in range(10):
        values = generate.draw_values("{city} {city2}", slots, generate.np.random.default_rng(seed))
        assert values["city"] != values["city2"]


def test_fill_uses_the_oblique_form_where_asked():
    values = {"room": ["the room", "कमरा", "कमरे"], "city": ["Agra", "आगरा"]}
    assert generate.fill("{room} in {city}", values, 0) == "The room in Agra"
    assert generate.fill("{city:o} {room} {room:o}", values, 1) == "आगरा कमरा कमरे"
