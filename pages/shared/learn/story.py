"""What every scene has: its place in the story, a question to predict, and a link that brings others to the same place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from craft_core.errors import ParameterError

_SCENE = "scene"  # in the URL and in the session


@dataclass(frozen=True)
class Scene:
    """Describe one scene.

    Attributes
    ----------
    name : str
        Two or three words, for the list of scenes.
    title : str
        What it is about.
    says : str
        Two sentences.
    lesson : str
        What to take home, one sentence.
    show : callable
        Takes the seed; draws controls, figure and question; returns whether the answer is shown.
    """

    name: str
    title: str
    says: str
    lesson: str
    show: Callable[[int], bool]


@dataclass(frozen=True)
class Question:
    """Hold a question whose answer is computed from the toy.

    Attributes
    ----------
    text : str
        The question.
    options : tuple of str
        What can be chosen.
    right : tuple of int
        Positions of the right options; more than one where they are level.
    because : str
        What the toy says, with numbers.
    """

    text: str
    options: tuple[str, ...]
    right: tuple[int, ...]
    because: str


def tell(scenes: Sequence[Scene]) -> None:
    """Draw the scene that is chosen, below the way from scene to scene."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = _choose(len(scenes))
        _turn(scenes, number)
        seed = _seed()
    names = (f"{one} {scene.name}" for one, scene in enumerate(scenes, start=1))
    st.caption(" · ".join(f"**{name}**" if one == number else name for one, name in enumerate(names)))
    scene = scenes[number]
    st.header(f"{number + 1} · {scene.title}", anchor=False)
    st.markdown(scene.says)
    if scene.show(seed):
        st.success(f"**Take home.** {scene.lesson}", icon=":material/school:")
    st.caption("The address of this page holds the scene, its controls and the seed: copy it, and others see the same.")


def halves() -> tuple[Any, Any]:
    """Return the place of the figure and the place of controls and question; on a telephone the second is below."""
    left, right = st.columns([3, 2], gap="medium")
    return left, right


def state_of(*parts: object) -> str:
    """Return what a prediction belongs to: the scene and everything its answer depends on."""
    return repr(parts)


def is_revealed(state: str) -> bool:
    """Return whether the answer for just this state was asked for; any change of a control hides it again."""
    return st.session_state.get("revealed") == state


def predict(question: Question, state: str) -> bool:
    """Draw a question; first a prediction, then a button that reveals the answer. Return whether it is shown."""
    with st.container(border=True):
        guess = st.radio(f"**Predict.** {question.text}", question.options, index=None, key=f"guess {state}")
        revealed = is_revealed(state) and guess is not None
        # the same button before and after: one that vanished would take the focus of the keyboard with it
        label = "Hide the answer" if revealed else "Reveal"
        st.button(label, key=f"reveal {state}", type="primary", disabled=guess is None, on_click=_reveal, args=("" if revealed else state,))
        if guess is None:
            st.caption("Choose an answer first; then it can be revealed.")
        elif revealed:
            _verdict(question, question.options.index(guess))
        return revealed


def within(name: str, value: Any, low: float, high: float) -> Any:
    """Return a control's value. Raises ParameterError outside its limits: those of a widget hold in the browser only."""
    if not low <= value <= high:
        raise ParameterError(f"The control '{name}' must lie in [{low:,}, {high:,}]. Got {value!r}.")
    return value


def one_of(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return a control's value. Raises ParameterError where it is none of the choices."""
    if value not in choices:
        raise ParameterError(f"The control '{name}' must be one of {', '.join(map(str, choices))}. Got {value!r}.")
    return value


def _verdict(question: Question, guess: int) -> None:
    # a screen reader reads these out (role=status), though the focus stays on the button
    if guess in question.right:
        st.success(f"**Right: {question.options[guess]}.**", icon=":material/check_circle:")
    else:
        answer = " or ".join(question.options[one] for one in question.right)
        st.info(f"**Not this time. The answer is: {answer}.**", icon=":material/cancel:")
    st.markdown(question.because)


def _choose(count: int) -> int:
    numbers = [str(number) for number in range(1, count + 1)]
    # a value set by a button counts as the widget's own; a default beside it would be one too many
    default = None if _SCENE in st.session_state else numbers[0]
    chosen = st.segmented_control("Scene", numbers, default=default, required=True, key=_SCENE, bind="query-params", width="content")
    return numbers.index(one_of(_SCENE, chosen or numbers[0], numbers))


def _turn(scenes: Sequence[Scene], number: int) -> None:
    back, on = max(number - 1, 0), min(number + 1, len(scenes) - 1)
    st.button("Back", key="back", icon=":material/arrow_back:", disabled=back == number, on_click=_go, args=(back + 1,))
    label = f"Next: {scenes[on].name}" if on > number else "The end"
    st.button(label, key="next", icon=":material/arrow_forward:", disabled=on == number, on_click=_go, args=(on + 1,), type="primary")


def _seed() -> int:
    with st.popover("Chance", icon=":material/casino:"):
        seed = st.number_input("Seed", 0, 9_999, 0, 1, key="seed", bind="query-params", help="The same seed draws the same toy.")
    return int(within("seed", seed or 0, 0, 9_999))


def _go(number: int) -> None:
    st.session_state[_SCENE] = str(number)


def _reveal(state: str) -> None:
    st.session_state["revealed"] = state
