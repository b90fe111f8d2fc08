import errno
import io
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from mnists.utils import check_file_integrity

from mlp.data import SOURCES, DatasetError, load_dataset, sources

SMALL = {"validation_size": 0}


def left_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "fashion_mnist"


# MNIST, which ships


def test_mnist_is_the_published_one(mnist):
    train, test = mnist.train, mnist.test
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.images.shape == (60_000, 28, 28)
    assert train.images.dtype == np.uint8
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.images.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert train.images.std() / 255 == pytest.approx(0.3081, abs=5e-5)


def test_mnist_files_carry_the_md5_of_the_package():
    for name, md5 in SOURCES["mnist"].reader.resources.values():
        assert check_file_integrity(str(sources.MNIST_FOLDER / name), md5)


def test_reading_mnist_writes_and_prints_nothing_and_stays_off_the_network(monkeypatch, tmp_path, capfd):
    monkeypatch.setattr(sources, "_loaded", {})
    monkeypatch.setattr(sources, "urlopen", lambda *args, **kwargs: pytest.fail("went to the network"))
    before = {path: path.stat().st_mtime_ns for path in sources.MNIST_FOLDER.iterdir()}
    load_dataset("mnist")
    assert {path: path.stat().st_mtime_ns for path in sources.MNIST_FOLDER.iterdir()} == before
    assert left_in(tmp_path) == []
    assert capfd.readouterr() == ("", "")


def test_arrays_are_read_once_and_cannot_be_written(monkeypatch):
    monkeypatch.setattr(sources, "_loaded", {})
    found = []
    threads = [threading.Thread(target=lambda: found.append(sources.load_arrays("mnist"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1] is found[2]
    for array in vars(found[0]).values():
        assert not array.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        found[0].train_images[0] = 0


@pytest.mark.parametrize("fault", ["missing", "truncated", "altered", "folder missing"])
def test_faulty_mnist_file_is_named(monkeypatch, tmp_path, one_sentence, fault):
    folder = tmp_path / "mnist"
    path = folder / "t10k-images-idx3-ubyte.gz"
    if fault != "folder missing":
        shutil.copytree(sources.MNIST_FOLDER, folder)
        data = path.read_bytes()
        path.unlink()
    if fault == "truncated":
        path.write_bytes(data[: len(data) // 2])
    if fault == "altered":
        path.write_bytes(data[:1000] + b"\0" + data[1001:])
    monkeypatch.setattr(sources, "_loaded", {})
    monkeypatch.setattr(sources, "MNIST_FOLDER", folder)
    with pytest.raises(DatasetError) as error:
        load_dataset("mnist")
    name = "train-images-idx3-ubyte.gz" if fault == "folder missing" else path.name
    what = "is missing" if "missing" in fault else "is truncated or altered"
    one_sentence(str(error.value), "MNIST cannot be read", folder / name, what, "git checkout -- mlp/data/mnist")


def test_unreadable_mnist_file_is_named(monkeypatch, one_sentence):
    def refuse(path, md5):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(sources, "_loaded", {})
    monkeypatch.setattr("mnists.dataset.check_file_integrity", refuse)
    monkeypatch.setattr(sources, "check_file_integrity", refuse)
    with pytest.raises(DatasetError) as error:
        load_dataset("mnist")
    one_sentence(str(error.value), "train-images-idx3-ubyte.gz cannot be opened (Permission denied)")


def test_unknown_dataset(one_sentence):
    with pytest.raises(ValueError) as error:
        load_dataset("cifar")
    one_sentence(str(error.value), "dataset must be one of mnist, fashion_mnist, kmnist", "'cifar'")


def test_class_names():
    assert SOURCES["mnist"].class_names == tuple("0123456789")
    assert SOURCES["fashion_mnist"].class_names[9] == "Ankle boot"
    assert SOURCES["kmnist"].class_names[0] == "お (o)"
    assert all(len(source.class_names) == 10 for source in SOURCES.values())


# The two that are downloaded


def test_download_brings_the_arrays_and_reports_progress(mirror, cache, capfd):
    assert SOURCES["fashion_mnist"].needs_download()
    reports = []
    dataset = load_dataset("fashion_mnist", **SMALL, progress=lambda *report: reports.append(report))
    np.testing.assert_array_equal(dataset.train.images, mirror.arrays["train_images"])
    np.testing.assert_array_equal(dataset.test.labels, mirror.arrays["test_labels"])
    assert dataset.title == "Fashion-MNIST"

    sizes = {name: len(body) for name, body in mirror.files.items()}
    last = {name: (done, total) for done, total, name in reports}
    assert last == {name: (size, size) for name, size in sizes.items()}
    large = [done for done, _, name in reports if name == "train-images-idx3-ubyte.gz"]
    assert len(large) > 1
    assert large == sorted(large)

    assert left_in(cache) == sorted(sizes)
    assert not SOURCES["fashion_mnist"].needs_download()
    assert capfd.readouterr() == ("", "")


def test_second_load_does_not_download(mirror, cache, monkeypatch):
    load_dataset("fashion_mnist", **SMALL)
    monkeypatch.setattr(sources, "_loaded", {})  # as a new process would start
    mirror.asked.clear()
    mirror.mode = "404"
    load_dataset("fashion_mnist", **SMALL)
    assert mirror.asked == []


def test_damaged_file_in_the_cache_is_downloaded_again(mirror, cache, monkeypatch):
    load_dataset("fashion_mnist", **SMALL)
    (cache / "t10k-labels-idx1-ubyte.gz").write_bytes(b"half")
    monkeypatch.setattr(sources, "_loaded", {})
    mirror.asked.clear()
    load_dataset("fashion_mnist", **SMALL)
    assert mirror.asked == ["/t10k-labels-idx1-ubyte.gz"]


def test_mirror_from_the_environment(mirror, monkeypatch):
    monkeypatch.setattr(SOURCES["fashion_mnist"].reader, "mirrors", [])
    monkeypatch.setenv("MLP_MICROSCOPE_MIRROR", mirror.url + "/school")
    load_dataset("fashion_mnist", **SMALL)
    assert mirror.asked[0] == "/school/fashion_mnist/train-images-idx3-ubyte.gz"


def test_mirror_may_be_a_folder(mirror, monkeypatch, tmp_path):
    share = tmp_path / "share" / "fashion_mnist"
    share.mkdir(parents=True)
    for name, body in mirror.files.items():
        (share / name).write_bytes(body)
    monkeypatch.setenv("MLP_MICROSCOPE_MIRROR", (tmp_path / "share").as_uri())
    assert len(load_dataset("fashion_mnist", **SMALL).train) == 400
    assert mirror.asked == []


def test_second_mirror_steps_in(mirror, monkeypatch):
    monkeypatch.setattr(SOURCES["fashion_mnist"].reader, "mirrors", [free_address(), mirror.url + "/"])
    assert len(load_dataset("fashion_mnist", **SMALL).train) == 400


def test_server_that_does_not_tell_the_length(mirror):
    mirror.mode = "no length"
    totals = []
    load_dataset("fashion_mnist", **SMALL, progress=lambda done, total, name: totals.append(total))
    assert set(totals) == {None}


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("404", "127.0.0.1 answered 404 (Not Found) for train-images-idx3-ubyte.gz"),
        ("altered", "train-images-idx3-ubyte.gz from 127.0.0.1 is altered"),
        ("broken off", "127.0.0.1 broke off after"),
    ],
)
def test_failed_download_says_so_and_leaves_nothing(mirror, cache, one_sentence, mode, said):
    mirror.mode = mode
    assert_fails(one_sentence, "Fashion-MNIST could not be downloaded", said, "MNIST ships with the app", cache=cache)
    mirror.mode = "good"
    assert len(load_dataset("fashion_mnist", **SMALL).train) == 400


def test_no_connection(mirror, cache, monkeypatch, one_sentence):
    monkeypatch.setattr(SOURCES["fashion_mnist"].reader, "mirrors", [free_address()])
    assert_fails(one_sentence, "Fashion-MNIST could not be downloaded: no connection to 127.0.0.1", cache=cache)


def test_unknown_host(mirror, cache, monkeypatch, one_sentence):
    monkeypatch.setattr(SOURCES["fashion_mnist"].reader, "mirrors", ["http://nowhere.invalid/"])
    assert_fails(one_sentence, "no connection to nowhere.invalid; MNIST ships with the app", cache=cache)


def test_silent_server_is_given_up_within_seconds(mirror, cache, monkeypatch, one_sentence):
    assert sources.CONNECT_SECONDS <= 15
    assert sources.SILENCE_SECONDS <= 15
    mirror.mode = "silent"
    monkeypatch.setattr(sources, "CONNECT_SECONDS", 0.2)
    start = time.perf_counter()
    assert_fails(one_sentence, "no connection to 127.0.0.1", cache=cache)
    assert time.perf_counter() - start < 1.5


def test_interrupted_download_leaves_nothing(mirror, cache):
    def stop(done, total, name):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_dataset("fashion_mnist", **SMALL, progress=stop)
    assert left_in(cache) == []
    assert len(load_dataset("fashion_mnist", **SMALL).train) == 400  # and the lock is free again


def test_full_disk(mirror, cache, monkeypatch, one_sentence):
    class FullDisk(io.FileIO):
        def write(self, data):
            super().write(data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "open", lambda path, mode: FullDisk(path, mode))
    assert_fails(
        one_sentence,
        "Fashion-MNIST could not be saved: no space is left on the disk of",
        str(cache),
        "31 MB",
        "MLP_MICROSCOPE_CACHE",
        cache=cache,
    )


def test_file_in_the_place_of_the_cache_folder(mirror, tmp_path, one_sentence):
    (tmp_path / "cache").write_text("")
    assert_fails(one_sentence, "could not be saved", tmp_path / "cache", "MLP_MICROSCOPE_CACHE")


def test_cache_folder_without_permission(mirror, cache, monkeypatch, one_sentence):
    def refuse(path, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert_fails(one_sentence, f"the folder {cache} cannot be used (Permission denied)", "MLP_MICROSCOPE_CACHE")


def test_filled_cache_is_read_without_writing(mirror, cache, monkeypatch):
    load_dataset("fashion_mnist", **SMALL)
    monkeypatch.setattr(sources, "_loaded", {})
    monkeypatch.setattr(Path, "mkdir", lambda *args, **kwargs: pytest.fail("wrote to the cache"))
    load_dataset("fashion_mnist", **SMALL)


def test_user_without_a_home(mirror, monkeypatch, one_sentence):
    monkeypatch.delenv("MLP_MICROSCOPE_CACHE")
    monkeypatch.setattr(sources, "user_cache_path", lambda name: Path("~/.cache") / name)
    assert_fails(one_sentence, "There is no home folder", "MLP_MICROSCOPE_CACHE")


def test_mirror_must_be_an_address(mirror, monkeypatch, one_sentence):
    monkeypatch.setenv("MLP_MICROSCOPE_MIRROR", "school.example")
    assert_fails(one_sentence, "MLP_MICROSCOPE_MIRROR must start with http://", "'school.example'")


def free_address():
    """An address on which nothing listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/"


def assert_fails(one_sentence, *parts, cache=None):
    with pytest.raises(DatasetError) as error:
        load_dataset("fashion_mnist", **SMALL)
    message = str(error.value)
    assert message.endswith(".")
    one_sentence(message, *parts)
    if cache is not None:
        assert left_in(cache) == []
