"""Finding and opening a sentence-transformers model without ever making a person wait for a network that is not there.

Importing the package takes seconds, and asking the hub without a network takes more than a minute. So everything that can be known
without either is looked at first: is the package installed, is the folder a model, is the name in the local cache, does the hub answer.
"""

from __future__ import annotations

import hashlib
import importlib.util
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from craft_core.errors import DataError, ParameterError
from craft_core.progress import Progress

__all__ = ["OpenModel", "hold_package", "model_identity", "open_model", "shared_model", "while_reporting"]

T = TypeVar("T")

_PROBE_SECONDS = 3.0
_POLL_SECONDS = 0.2
_HASHED_BYTES = 1 << 23  # larger files of a model are known by size and time
_MOST_FILES = 1_000
_KEPT_MODELS = 2
_CONFIGS = ("modules.json", "config.json")
_ORGANISATION = "sentence-transformers"  # where names without one live


@dataclass(frozen=True, eq=False)
class OpenModel:
    """Hold a model that is open, for everybody in this process.

    Attributes
    ----------
    model : sentence_transformers.SentenceTransformer
        The model.
    limit : int or None
        Most tokens it takes of a text; None for no limit.
    identity : str or None
        What `model_identity` said of it.
    worker : concurrent.futures.ThreadPoolExecutor
        The one thread that uses it: neither the model's settings nor its tokenizer are made for two at once.
    """

    model: Any
    limit: int | None
    identity: str | None
    worker: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="model"))

    def do(self, work: Callable[[], T], report: Callable[[], None]) -> T:
        """Return what work with the model returns; `report` is called five times a second meanwhile, and ends the wait by raising."""
        future = self.worker.submit(work)
        try:
            while not wait([future], _POLL_SECONDS).done:
                report()
        except BaseException:
            future.cancel()
            raise
        return future.result()


_models: dict[tuple[str, str], OpenModel] = {}
_opening = threading.Lock()


def shared_model(name: str, device: str, progress: Progress) -> OpenModel:
    """Return a model as `open_model` does, opened once a process; `progress` is called meanwhile. Raises as `open_model`."""
    text = f"Opening {name}"
    with _waited_for(_opening, progress, text):
        held = _models.pop((name, device), None)
        if held is None or held.identity != model_identity(name):
            progress(0.0, text)
            model = while_reporting(lambda: open_model(name, device), progress, text)
            held = OpenModel(model, model.max_seq_length, model_identity(name))
        while len(_models) >= _KEPT_MODELS:
            del _models[next(iter(_models))]
        _models[name, device] = held
        return held


def model_identity(name: str) -> str | None:
    """Return a digest of what a model on this machine holds, None if it is not here or that cannot be told.

    Of a folder it is made of all files: the content of small ones, size and time of large ones. Of a name on the hub it is the commit in
    the local cache.
    """
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return _folder_identity(folder) if _is_model(folder) else None
    try:
        found = _cached(name)
    except (ValueError, ImportError):
        return None
    return None if found is None else f"{name} {Path(found).parent.name}"


def _folder_identity(folder: Path) -> str | None:
    digest = hashlib.sha256()
    paths = sorted(path for depth in ("*", "*/*", "*/*/*") for path in folder.glob(depth) if path.is_file())
    paths = [path for path in paths if not any(one.startswith(".") for one in path.relative_to(folder).parts)]
    if len(paths) > _MOST_FILES:
        return None
    for path in paths:
        found = path.stat()
        small = found.st_size <= _HASHED_BYTES
        content = hashlib.sha256(path.read_bytes()).hexdigest() if small else f"{found.st_size} {found.st_mtime_ns}"
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@contextmanager
def _waited_for(lock: threading.Lock, progress: Progress, text: str) -> Iterator[None]:
    """Hold a lock, having told how far that is while others held it; raising from `progress` gives up."""
    while not lock.acquire(timeout=_POLL_SECONDS):
        progress(0.0, text)
    try:
        yield
    finally:
        lock.release()


def while_reporting(work: Callable[[], T], progress: Progress, text: str) -> T:
    """Return what the work returns; it has a thread of its own, which is left alone where `progress` raises."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # raised again below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_POLL_SECONDS)
        progress(0.0, text)
    if errors:
        raise errors[0]
    return results[0]


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
    hold_package()
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
    if not _is_model(folder):
        raise DataError(f"The folder {folder} holds no model: it has neither modules.json nor config.json.")


def hold_package() -> None:
    """Raise ParameterError unless sentence-transformers is installed."""
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ParameterError("Sentence-transformers is not installed. Run: pip install sentence-transformers. Or choose tfidf.")


def _is_model(folder: Path) -> bool:
    return any((folder / one).is_file() for one in _CONFIGS)


def _is_cached(name: str) -> bool:
    try:
        return _cached(name) is not None
    except ValueError as error:
        raise ParameterError(
            f"The 'model' parameter of sentence-transformers must be a folder or a name on the hub. Got {name!r}."
        ) from error


def _cached(name: str) -> str | None:
    """Return where a small file of a model lies in the local cache; ValueError for what cannot be a name on the hub."""
    from huggingface_hub import try_to_load_from_cache

    full = name if "/" in name else f"{_ORGANISATION}/{name}"
    return next((found for file in _CONFIGS if isinstance(found := try_to_load_from_cache(full, file), str)), None)


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
