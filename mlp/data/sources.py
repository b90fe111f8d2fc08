"""The original files: MNIST from the folder beside this module, Fashion-MNIST and KMNIST downloaded once.

File names, addresses, checksums and the reader of the IDX format come from the package mnists. Only the downloading
is done here, because a page needs what the package does not offer: progress, a limit on waiting, silence on stdout,
and never half a file under its final name.

Two environment variables:

- MLP_MICROSCOPE_CACHE: the folder that keeps downloads, in place of the user's cache folder.
- MLP_MICROSCOPE_MIRROR: a base address (http, https or file) to download from, in place of the authors' servers.
  Under it the files lie as <dataset>/<filename>, e.g. fashion_mnist/train-images-idx3-ubyte.gz.
"""

import contextlib
import errno
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import urlopen
from uuid import uuid4

import mnists
import numpy as np
from mnists.utils import check_file_integrity
from numpy.typing import NDArray
from platformdirs import user_cache_path

Progress = Callable[[int, int | None, str], None]
"""Called as progress(done_bytes, total_bytes, filename), per file; total_bytes is None if the server does not say."""

CACHE_VARIABLE = "MLP_MICROSCOPE_CACHE"
MIRROR_VARIABLE = "MLP_MICROSCOPE_MIRROR"
MNIST_FOLDER = Path(__file__).parent / "mnist"
CONNECT_SECONDS = 10.0  # name lookup and every address of the server together
SILENCE_SECONDS = 10.0  # between two pieces of a file
CHUNK_BYTES = 1 << 16


class DatasetError(RuntimeError):
    """A dataset cannot be read or downloaded. The message is one sentence for the person at the screen."""


class _MirrorError(Exception):
    """A mirror did not deliver; the message says how."""


@dataclass(frozen=True)
class Source:
    """Where a dataset comes from. `reader` is its class in mnists; `megabytes` is the size of its download."""

    name: str
    title: str
    reader: Any
    class_names: tuple[str, ...]
    megabytes: int
    ships: bool = False

    def folder(self) -> Path:
        """The folder of its files. Raises DatasetError if no folder for downloads can be named."""
        return MNIST_FOLDER if self.ships else cache_folder() / self.name

    def needs_download(self) -> bool:
        """Whether loading it will go to the network. Raises DatasetError as `folder` does."""
        return not self.ships and not all(
            (self.folder() / name).is_file() for name, _ in self.reader.resources.values()
        )


@dataclass(frozen=True, eq=False)
class RawArrays:
    """A dataset as published. Images: (N, 28, 28) uint8, labels: (N,) uint8, all read-only."""

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.uint8]
    test_images: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source("mnist", "MNIST", mnists.MNIST, tuple("0123456789"), megabytes=0, ships=True),
        Source("fashion_mnist", "Fashion-MNIST", mnists.FashionMNIST, tuple(mnists.FashionMNIST.classes), megabytes=31),
        Source(
            "kmnist",
            "KMNIST",
            mnists.KMNIST,
            tuple("{} ({})".format(*name.split(" - ")) for name in mnists.KMNIST.classes),  # "お (o)"
            megabytes=21,
        ),
    )
}

_loaded: dict[str, RawArrays] = {}
_locks = {name: Lock() for name in SOURCES}  # one each: a slow download must not hold up MNIST


def find_source(name: str) -> Source:
    """The source of that name. Raises ValueError for an unknown one."""
    if not isinstance(name, str) or name not in SOURCES:
        raise ValueError(f"dataset must be one of {', '.join(SOURCES)}, got {name!r}")
    return SOURCES[name]


def cache_folder() -> Path:
    """The folder that keeps downloads. Raises DatasetError if the user has no home folder and none is set."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen)
    folder = user_cache_path("mlp-microscope")
    if not folder.is_absolute():  # "~" stays as it is for a user without a home
        raise DatasetError(f"There is no home folder to keep downloads in; set {CACHE_VARIABLE} to a folder.")
    return folder


def load_arrays(name: str, progress: Progress | None = None) -> RawArrays:
    """The arrays of a dataset, read once per process and shared from then on.

    Raises ValueError for an unknown name, DatasetError if the files can be neither read nor downloaded.
    """
    source = find_source(name)
    with _locks[name]:
        if name not in _loaded:
            folder = source.folder()
            if not source.ships:
                _download_missing(source, folder, progress)
            _loaded[name] = _read(source, folder)
        return _loaded[name]


def _read(source: Source, folder: Path) -> RawArrays:
    try:
        files = source.reader(target_dir=str(folder), download=False)  # checks every MD5
    except (RuntimeError, OSError) as error:
        raise DatasetError(_fault(source, folder)) from error
    arrays = RawArrays(files.train_images(), files.train_labels(), files.test_images(), files.test_labels())
    for array in vars(arrays).values():
        array.flags.writeable = False
    return arrays


def _fault(source: Source, folder: Path) -> str:
    """Which file is at fault, and how to mend it."""
    mend = (
        "restore it with 'git checkout -- mlp/data/mnist' or download the project again"
        if source.ships
        else "delete it and load the dataset again"
    )
    for filename, md5 in source.reader.resources.values():
        path = folder / filename
        try:
            if not path.is_file():
                return f"{source.title} cannot be read: the file {path} is missing; {mend}."
            if not check_file_integrity(str(path), md5):
                return f"{source.title} cannot be read: the file {path} is truncated or altered; {mend}."
        except OSError as error:
            return f"{source.title} cannot be read: the file {path} cannot be opened ({error.strerror}); {mend}."
    return f"{source.title} cannot be read: a file in {folder} changed while it was being read; load it again."


def _download_missing(source: Source, folder: Path, progress: Progress | None) -> None:
    """Bring every file that is missing or damaged. Raises DatasetError."""
    try:
        for filename, md5 in source.reader.resources.values():
            if not check_file_integrity(str(folder / filename), md5):
                folder.mkdir(parents=True, exist_ok=True)
                _download(source, filename, md5, folder, progress)
    except OSError as error:  # of the disk only: what the network does arrives as DatasetError
        raise DatasetError(_disk_problem(source, folder, error)) from error


def _disk_problem(source: Source, folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{source.title} could not be saved: no space is left on the disk of {folder}; "
            f"free {source.megabytes} MB or set {CACHE_VARIABLE} to a folder on another disk."
        )
    return (
        f"{source.title} could not be saved: the folder {folder} cannot be used ({error.strerror}); "
        f"set {CACHE_VARIABLE} to a folder that can be written."
    )


def _download(source: Source, filename: str, md5: str, folder: Path, progress: Progress | None) -> None:
    """Try one mirror after the other. Raises DatasetError, or OSError if the disk refuses."""
    problem = "no mirror is known"
    for mirror in _mirrors(source):
        url = urljoin(mirror, filename)
        part = folder / f".{filename}.{uuid4().hex}.part"
        try:
            _save(url, part, filename, progress)
            if check_file_integrity(str(part), md5):
                part.replace(folder / filename)
                return
            problem = f"{filename} from {_host(url)} is altered (its MD5 is not {md5})"
        except _MirrorError as error:
            problem = str(error)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    raise DatasetError(
        f"{source.title} could not be downloaded: {problem}; MNIST ships with the app and works offline."
    )


def _mirrors(source: Source) -> list[str]:
    base = os.environ.get(MIRROR_VARIABLE)
    if not base:
        return list(source.reader.mirrors)
    if urlsplit(base).scheme not in ("http", "https", "file"):
        raise DatasetError(f"{MIRROR_VARIABLE} must start with http://, https:// or file://, got {base!r}.")
    return [f"{base.rstrip('/')}/{source.name}/"]


def _save(url: str, part: Path, filename: str, progress: Progress | None) -> None:
    """Write what `url` answers to `part`. Raises _MirrorError, or OSError if the disk refuses."""
    with _opened(url) as response, part.open("wb") as file:
        length = response.headers["Content-Length"]
        total = int(length) if length and length.isdigit() else None
        done = 0
        while chunk := _received(response, url):
            file.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total, filename)
    if total is not None and done < total:
        raise _MirrorError(f"{_host(url)} broke off after {done} of {total} bytes of {filename}")


def _opened(url: str) -> Any:
    """The answer to a GET, as urlopen returns it, or _MirrorError within CONNECT_SECONDS.

    In a thread, because the timeout of a socket covers neither the name lookup nor a second and third address.
    """
    answer: Future[Any] = Future()

    def ask() -> None:
        try:
            answer.set_result(urlopen(url, timeout=SILENCE_SECONDS))  # noqa: S310  (_mirrors checks the scheme)
        except Exception as error:  # noqa: BLE001  (raised again by answer.result)
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(CONNECT_SECONDS)
    except HTTPError as error:
        error.close()
        filename = url.rpartition("/")[2]
        raise _MirrorError(f"{_host(url)} answered {error.code} ({error.reason}) for {filename}") from error
    except (OSError, HTTPException) as error:
        raise _MirrorError(f"no connection to {_host(url)}") from error


def _received(response: Any, url: str) -> bytes:
    """The next piece of the answer, empty at its end. Raises _MirrorError."""
    try:
        piece: bytes = response.read(CHUNK_BYTES)
    except (OSError, HTTPException) as error:
        raise _MirrorError(f"the connection to {_host(url)} broke off") from error
    return piece


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.hostname or parts.path
