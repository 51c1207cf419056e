"""Finding and opening a sentence-transformers model without ever making a person wait for a network that is not there.

Importing the package takes seconds, and asking the hub without a network takes more than a minute. So everything that can be known
without either is looked at first: is the package installed, is the folder a model, is the name in the local cache, does the hub answer.
"""

from __future__ import annotations

import importlib.util
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from craft_core.errors import DataError, ParameterError

__all__ = ["open_model"]

_PROBE_SECONDS = 3.0
_ORGANISATION = "sentence-transformers"  # where names without one live


def open_model(name: str, device: str) -> Any:
    """Return a `SentenceTransformer`, from a local folder, the local cache, or the hub, in this order.

    Parameters
    ----------
    name : str
        A folder, or a name on the Hugging Face hub.
    device : str
        "auto" or any device torch knows.

    Raises
    ------
    ParameterError
        If the package is missing, the name is neither a folder nor cached and the hub does not answer, or the device is none.
    DataError
        If there is such a model and it cannot be opened.
    """
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ParameterError("Sentence-transformers is not installed. Run: pip install sentence-transformers. Or choose tfidf.")
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        _hold_model(folder)
        return _open(str(folder), device, local=True)
    if name.startswith((".", "/", "~", "\\")):
        raise ParameterError(f"The 'model' parameter of sentence-transformers must be a folder or a name on the hub. Got {name!r}.")
    if _is_cached(name):
        return _open(name, device, local=True)
    _hold_hub(name)
    return _open(name, device, local=False)


def _hold_model(folder: Path) -> None:
    if not any((folder / one).is_file() for one in ("modules.json", "config.json")):
        raise DataError(f"The folder {folder} holds no model: it has neither modules.json nor config.json.")


def _is_cached(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    full = name if "/" in name else f"{_ORGANISATION}/{name}"
    try:
        return any(isinstance(try_to_load_from_cache(full, file), str) for file in ("modules.json", "config.json"))
    except ValueError as error:
        raise ParameterError(
            f"The 'model' parameter of sentence-transformers must be a folder or a name on the hub. Got {name!r}."
        ) from error


def _hold_hub(name: str) -> None:
    from huggingface_hub import constants

    way_out = "Give the folder of a model, or download it where there is a network, or choose tfidf."
    if constants.HF_HUB_OFFLINE:
        raise ParameterError(f"The model '{name}' is not on this machine, and HF_HUB_OFFLINE forbids downloading it. {way_out}")
    address = urlsplit(constants.ENDPOINT)
    proxy = getproxies().get(address.scheme) or getproxies().get("all")
    asked = urlsplit(proxy) if proxy else address
    if not _answers(asked.hostname or "", asked.port or (80 if asked.scheme == "http" else 443)):
        raise ParameterError(f"The model '{name}' is not on this machine, and {asked.hostname} cannot be reached. {way_out}")


def _answers(host: str, port: int) -> bool:
    """Return whether a connection opens within three seconds; in a thread of its own, because looking up a name knows no time limit."""
    answered = threading.Event()

    def ask() -> None:
        try:
            socket.create_connection((host, port), timeout=_PROBE_SECONDS).close()
        except OSError:
            return
        answered.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answered.is_set()


def _open(name: str, device: str, local: bool) -> Any:
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer

    _hold_device(device)
    chosen = None if device == "auto" else device
    try:
        return SentenceTransformer(name, device=chosen, local_files_only=local, trust_remote_code=False)
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(f"The model '{name}' cannot be opened: {reason}.") from error


def _hold_device(device: str) -> None:
    """Refuse a device that torch does not know or that this machine lacks, before a model is loaded for it."""
    import torch

    if device == "auto":
        return
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built for the device
        reason = str(error).split("\n")[0].rstrip(".")
        raise ParameterError(f"The 'device' parameter of sentence-transformers cannot be used here ({reason}). Got {device!r}.") from error
