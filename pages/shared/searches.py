"""Search on the Clusters page: by text, by pattern, or for pairs like a sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from craft_core.arrays import FloatVector, IntVector
from craft_core.corpus import Corpus
from craft_core.errors import CraftError
from craft_core.explore.region import Region
from craft_core.explore.search import like_sentence, search_pairs
from craft_core.progress import Progress
from craft_core.vectorize import EncodedPairs, Vectors
from pages.shared import explorer, stages, views
from pages.shared.work import compute, key_of

_TEXT, _PATTERN, _LIKE = "Text", "Pattern", "Like a sentence"
_SIDES = {"source": "Source", "target": "Target", "either": "Either side"}
_SHOWN = 200
_LIKE_PAIRS = 50
_SECONDS = 5.0
_ASKED = "search_asked"


@dataclass(frozen=True)
class Query:
    """What was asked for."""

    how: str
    text: str
    side: str
    match_case: bool


@dataclass(frozen=True, eq=False)
class Hits:
    """What was found in one corpus: positions, how alike they are where that was asked, and how many pairs were read; or what was wrong."""

    positions: IntVector
    similarity: FloatVector | None
    n_read: int
    n_total: int
    problem: str = ""


def draw() -> None:
    """Draw the form of a search, and what it found."""
    _form()
    query: Query | None = st.session_state.get(_ASKED)
    if query is None:
        st.info("Look for words, for a pattern, or for pairs that are like a sentence of your own.", icon=":material/search:")
        return
    problem = _hits("pool", query).problem
    if problem:
        with st.container(border=True):
            st.markdown(":material/error: **That did not work.**")
            st.text(problem)
        return
    for layer in ("pool", "validation"):
        _result(layer, query)


def on_map() -> IntVector | None:
    """Return the pool pairs the search found, None where nothing was searched for."""
    query: Query | None = st.session_state.get(_ASKED)
    return None if query is None else _hits("pool", query).positions


def _form() -> None:
    how = st.segmented_control("Search for", [_TEXT, _PATTERN, _LIKE], default=_TEXT, required=True, key="search_how", help=_HOW_HELP)
    sides = ["source", "target"] if how == _LIKE else list(_SIDES)
    with st.form("search", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(_LABELS[str(how)], key="search_text", placeholder=_EXAMPLES[str(how)], max_chars=1_000)
        side = st.selectbox("On the side", sides, key="search_side", format_func=lambda one: _SIDES[one], width=160)
        match_case = how != _LIKE and st.checkbox("Match case", key="search_case")
        asked = st.form_submit_button("Search", type="primary", icon=":material/search:")
    if asked:
        st.session_state[_ASKED] = Query(str(how), text, str(side), bool(match_case)) if text.strip() else None
        explorer.again()  # the map is above, and shows what was found


def _result(layer: str, query: Query) -> None:
    hits, corpus = _hits(layer, query), _corpus(layer)
    st.markdown(f"**{layer.capitalize()}: {_said(hits, query)}**")
    if hits.n_read < hits.n_total:
        st.warning(
            f"Only the first {hits.n_read:,} of {hits.n_total:,} pairs were read in {_SECONDS:.0f} seconds. "
            "Give a simpler pattern, or one side."
        )
    if not len(hits.positions):
        return
    shown = hits.positions[:_SHOWN]
    labels = stages.problem().clustering.validation_labels if layer == "validation" else stages.problem().clustering.pool_labels
    extra = {"cluster": labels[shown]}
    if hits.similarity is not None:
        extra["similarity"] = hits.similarity[:_SHOWN]
    if layer == "pool":
        extra["chosen"] = np.isin(shown, stages.selection()[0].indices)
    row = views.pick_pairs(corpus, shown, extra, key=f"found_{layer}_{key_of(query)}")
    st.caption(f"Showing {len(shown):,} of {len(hits.positions):,}. Choose a row to see its card.")
    if row is not None:
        explorer.pick(layer, int(shown[row]))
        explorer.again()
    if layer == "pool":
        st.button("Make a region of these pairs", key="search_region", on_click=_make_region, args=(query,), icon=":material/select_all:")


def _make_region(query: Query) -> None:
    pool, validation = (np.sort(_hits(layer, query).positions) for layer in ("pool", "validation"))
    name = f"{query.how}: {query.text.strip()}"[:60]
    explorer.show(Region(name, "search", pool, validation, None, None))


def _hits(layer: str, query: Query) -> Hits:
    region = explorer.only()
    found = _all_hits(layer, query)
    if region is None:
        return found
    inside = np.isin(found.positions, region.validation if layer == "validation" else region.pool)
    similarity = None if found.similarity is None else found.similarity[inside]
    return Hits(found.positions[inside], similarity, found.n_read, found.n_total, found.problem)


def _all_hits(layer: str, query: Query) -> Hits:
    corpus, vectors, task = _corpus(layer), stages.vectors(), stages.problem()

    def work(progress: Progress) -> Hits:
        try:
            if query.how == _LIKE:
                return _alike(query, vectors, task.validation if layer == "validation" else task.pool)
            how = "text" if query.how == _TEXT else "regex"
            found = search_pairs(corpus, query.text, how, query.side, query.match_case, _SECONDS, progress)
            return Hits(found.positions, None, found.n_read, found.n_total)
        except CraftError as error:  # not the page's to fail: the map shows what was found too, and the form must stay to be corrected
            return Hits(np.zeros(0, dtype=np.int64), None, 0, 0, str(error))

    return compute(f"Searching the {layer}", key_of(stages.vector_key(), layer, query), work)


def _alike(query: Query, vectors: Vectors, pairs: EncodedPairs) -> Hits:
    is_source = query.side == "source"
    encoder = vectors.source_encoder if is_source else vectors.target_encoder
    rows = pairs.sources if is_source else pairs.targets
    positions, similarity = like_sentence(query.text, encoder, rows, ~pairs.zero, _LIKE_PAIRS)
    return Hits(positions, similarity, len(pairs), len(pairs))


def _corpus(layer: str) -> Corpus:
    return stages.data().validation if layer == "validation" else stages.data().pool


def _said(hits: Hits, query: Query) -> str:
    if query.how == _LIKE:
        return f"the {len(hits.positions):,} pairs most like it"
    return "nothing found" if not len(hits.positions) else f"{views.counted(len(hits.positions), 'pair')} of {hits.n_total:,}"


_LABELS = {_TEXT: "Words to find", _PATTERN: "Regular expression", _LIKE: "Your sentence"}
_EXAMPLES = {_TEXT: "fever", _PATTERN: r"\bfever(s|ish)?\b", _LIKE: "The child has had a fever since yesterday."}
_HOW_HELP = (
    "Text finds the letters as they are typed. Pattern is a regular expression (RE2: no look-ahead, no back-references). Like a sentence "
    "turns your sentence into a vector, as the texts of the pool were, and finds the nearest pairs."
)
