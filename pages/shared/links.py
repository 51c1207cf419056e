"""Links: the data, the settings and the view of a page as small parameters of its address, and back.

Nothing here draws or opens anything. A link names data by a digest, never by their content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from craft_core.cluster import KMeans
from craft_core.config import Data, ExperimentConfig, Export
from craft_core.corpus import Cleaning, Columns, Limits, ParallelText
from craft_core.errors import ParameterError
from craft_core.experiment import Input
from craft_core.params import Param, build, parameters
from craft_core.selectors import SELECTORS
from craft_core.stability import Repeats
from craft_core.vectorize import VECTORIZERS
from pages.shared.record import place_of
from pages.shared.session import Given, data_digest

Params = list[tuple[str, str]]
"""Names and values in their order; a name may come more than once."""

LONGEST = 1_500
"""Characters of a link's parameters; names of files, then settings, are left out of one that would be longer."""

_PLAIN: Mapping[str, type] = {
    "clustering": KMeans,
    "columns": Columns,
    "limits": Limits,
    "cleaning": Cleaning,
    "stability": Repeats,
    "export": Export,
}
_CHOSEN: Mapping[str, Mapping[str, type]] = {"vectorizer": VECTORIZERS, "selector": SELECTORS}
_NUMBERS = ("budget", "seed")
_DATA = ("data", "sample", "pool", "validation", "test", "uploaded")
_ROLES = ("pool", "validation", "test")
_NONE = "none"  # a parameter that is switched off


@dataclass(frozen=True)
class View:
    """Say which place of the session state a parameter of a page's address shows, and its kind: str, int, float or list."""

    key: str
    kind: type = str


VIEWS: dict[str, dict[str, View]] = {
    "Data": {"side": View("length_side"), "corpus": View("browse")},
    "Clusters": {
        "map": View("map_method"),
        "colour": View("map_colour"),
        "layers": View("map_layers", list),
        "below": View("explore_tab"),
        "map_seed": View("map_seed", int),
    },
    "Allocation": {"tab": View("allocation_tab")},
    "KL bound": {"tab": View("bound_tab"), "L": View("lipschitz", float), "direction": View("bound_direction")},
    "Budget": {"tab": View("budget_tab"), "unit": View("budget_unit"), "against": View("budget_compared", int)},
    "Compare": {"tab": View("compare_tab")},
    "Export": {"tab": View("export_tab")},
}
"""By page: what a link opens again, beside data and settings."""


@dataclass(frozen=True)
class Link:
    """What a link asks for.

    Attributes
    ----------
    data : str or None
        Twelve digits of the digest of the data; None for a link that names none.
    is_sample, is_uploaded : bool
        Whether the link was made with the sample data, or with files the server does not offer.
    files : Mapping
        Names of files by role, as far as the link has them.
    config : ExperimentConfig or None
        The settings; None for a link without any.
    view : Mapping
        Values by place of the session state.
    problems : tuple of str
        A sentence for each parameter that was not understood.
    """

    data: str | None
    is_sample: bool
    is_uploaded: bool
    files: Mapping[str, tuple[str, ...]]
    config: ExperimentConfig | None
    view: Mapping[str, Any]
    problems: tuple[str, ...]


def params_of(given: Given | None, config: ExperimentConfig, page: str, state: Mapping[Any, Any]) -> Params:
    """Return the parameters of the address: data, settings, and what the page shows."""
    view = view_params(page, state)
    if given is None:
        return view
    data, files, settings = [("data", data_digest(given))], file_params(given), settings_params(config)
    for params in ([*data, *files, *settings, *view], [*data, *settings, *view], [*data, *settings]):
        if len(urlencode(params)) <= LONGEST:
            return params
    return data


def settings_params(config: ExperimentConfig) -> Params:
    """Return vectorizer, selector, n_clusters, budget and seed, and every parameter that differs from its default."""
    found = [("vectorizer", config.vectorizer.name), ("selector", config.selector.name)]
    found += [("clustering.n_clusters", str(config.clustering.n_clusters)), ("budget", str(config.budget)), ("seed", str(config.seed))]
    for section in (*_CHOSEN, *_PLAIN):
        owner = getattr(config, section)
        for one in parameters(type(owner)):
            value, name = getattr(owner, one.name), f"{section}.{one.name}"
            if value != one.default and (name, str(value)) not in found:
                found.append((name, _text(value)))
    return found


def file_params(given: Given) -> Params:
    """Return what it takes to open the data elsewhere: that they are the sample, or names of files."""
    files = given.files
    listed = [*(("pool", one) for one in files.pool), ("validation", files.validation), *([("test", files.test)] if files.test else [])]
    places = [place for _, one in listed for part in _parts(one) for place in (place_of(part) or {"uploaded": ""})]
    if set(places) == {"sample"}:
        return [("sample", "1")]
    is_uploaded = "uploaded" in places
    names = [(role, "+".join(_name(part) for part in _parts(one))) for role, one in listed]
    return ([("uploaded", "1")] if is_uploaded else []) + names


def view_params(page: str, state: Mapping[Any, Any]) -> Params:
    """Return what the page shows; nothing for what has no value."""
    found = [(name, state.get(view.key)) for name, view in VIEWS.get(page, {}).items()]
    return [
        (name, ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)) for name, value in found if value is not None
    ]


def read(params: Mapping[str, Sequence[str]], page: str) -> Link | None:
    """Return what an address asks for on a page; None if it has no parameters."""
    if not params:
        return None
    problems: list[str] = []
    known = VIEWS.get(page, {})
    for name, values in params.items():
        if name not in known and not _is_setting(name) and name not in _DATA:
            problems.append(f"The address has a parameter {name}={values[-1]} that this page does not know.")
    has_settings = any(map(_is_setting, params))
    view = {known[name].key: value for name, value in _read_view(params, known, problems)}
    return Link(
        data=params["data"][-1] if "data" in params else None,
        is_sample=params.get("sample", [""])[-1] == "1",
        is_uploaded=params.get("uploaded", [""])[-1] == "1",
        files={role: tuple(params[role]) for role in _ROLES if role in params},
        config=read_settings({name: values[-1] for name, values in params.items()}, problems) if has_settings else None,
        view=view,
        problems=tuple(problems),
    )


def read_settings(params: Mapping[str, str], problems: list[str]) -> ExperimentConfig:
    """Return the settings of a link; what is left out has its default, and for what is wrong a sentence is added to the problems."""
    config = ExperimentConfig(Data(("pool",), "validation"))
    for name in _NUMBERS:
        if name in params:
            config = _with_number(config, name, params[name], problems)
    made = {section: _read_section(section, cls, params, problems) for section, cls in _PLAIN.items()}
    for section, choices in _CHOSEN.items():
        wanted = params.get(section, getattr(config, section).name)
        if wanted not in choices:
            problems.append(_refused(section, wanted, f"It may be one of: {', '.join(choices)}."))
            continue
        made[section] = _read_section(section, choices[wanted], params, problems)
    return replace(config, **made)


def _is_setting(name: str) -> bool:
    return name in _NUMBERS or name.partition(".")[0] in {*_PLAIN, *_CHOSEN}


def _read_view(params: Mapping[str, Sequence[str]], known: Mapping[str, View], problems: list[str]) -> Iterable[tuple[str, Any]]:
    for name, view in known.items():
        if name not in params:
            continue
        text = params[name][-1]
        try:
            yield name, [part for part in text.split(",") if part] if view.kind is list else view.kind(text)
        except ValueError:
            problems.append(_refused(name, text, "It must be a number."))


def _with_number(config: ExperimentConfig, name: str, text: str, problems: list[str]) -> ExperimentConfig:
    try:
        return replace(config, **{name: int(text)})
    except ParameterError as error:
        problems.append(_refused(name, text, str(error)))
    except ValueError:
        problems.append(_refused(name, text, "It must be a whole number."))
    return config


def _refused(name: str, text: str, why: str) -> str:
    return f"The address asks for {name}={text}. {why} The default is used."


def _read_section(section: str, cls: type, params: Mapping[str, str], problems: list[str]) -> Any:
    known = {f"{section}.{one.name}": one for one in parameters(cls)}
    texts = {name: text for name, text in params.items() if name.startswith(f"{section}.")}
    there = f"There is no such setting here; there are: {', '.join(known) or 'none'}."
    problems += [f"The address asks for {name}={text}. {there}" for name, text in texts.items() if name not in known]
    values = {one.name: (name, texts[name], _value(one, texts[name])) for name, one in known.items() if name in texts}
    try:
        return build(cls, {name: value for name, (_, _, value) in values.items()}, section)
    except ParameterError:
        return _build_what_goes(cls, values, problems)


def _build_what_goes(cls: type, values: Mapping[str, tuple[str, str, Any]], problems: list[str]) -> Any:
    """Make the object of those values that are right, alone and together with those before."""
    taken: dict[str, Any] = {}
    for key, (name, text, value) in values.items():
        try:
            build(cls, taken | {key: value}, name)
        except ParameterError as error:
            problems.append(_refused(name, text, str(error)))
        else:
            taken[key] = value
    return build(cls, taken, "")


def _value(one: Param, text: str) -> Any:
    """Return a text as the kind of value a parameter takes; the text itself where it is none, for the parameter to refuse."""
    if text == _NONE and one.optional and not (one.kind is str and one.default is None):
        return None
    if one.kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return one.kind(text)
    except ValueError:
        return text


def _text(value: Any) -> str:
    if value is None:
        return _NONE
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parts(file: Input) -> tuple[Any, ...]:
    return (file.source, file.target) if isinstance(file, ParallelText) else (file,)


def _name(file: Any) -> str:
    return place_of(file).get("server") or file.label
