import dataclasses
import gzip
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from mlp.data import load_dataset, sources


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    """No test reads or writes the user's cache, goes through a proxy, or sees what another one downloaded."""
    monkeypatch.setenv(sources.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.delenv(sources.MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(sources, "_loaded", {k: v for k, v in sources._loaded.items() if k == "mnist"})


@pytest.fixture(scope="session")
def mnist():
    return load_dataset("mnist", validation_size=0)


def idx(array):
    """The bytes of a gzipped IDX file."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


class Mirror:
    """A server of a small Fashion-MNIST on 127.0.0.1, which can be told to misbehave."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.arrays = {
            "train_images": rng.integers(0, 256, (400, 28, 28), dtype=np.uint8),
            "train_labels": np.arange(400, dtype=np.uint8) % 10,
            "test_images": rng.integers(0, 256, (50, 28, 28), dtype=np.uint8),
            "test_labels": np.arange(50, dtype=np.uint8) % 10,
        }
        names = {key: name for key, (name, _) in sources.SOURCES["fashion_mnist"].reader.resources.items()}
        self.files = {names[key]: idx(array) for key, array in self.arrays.items()}
        self.resources = {key: (name, hashlib.md5(self.files[name]).hexdigest()) for key, name in names.items()}
        self.mode = "good"
        self.asked = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                body = mirror.files.get(self.path.rpartition("/")[2])
                if mirror.mode == "silent":
                    time.sleep(3)
                    return
                if mirror.mode == "404" or body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                if mirror.mode != "no length":
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if mirror.mode == "altered":
                    body = body[:-20] + b"x" + body[-19:]
                if mirror.mode == "broken off":
                    body = body[: len(body) // 2]
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror(monkeypatch):
    """Fashion-MNIST comes from a local server, in miniature."""
    server = Mirror()
    source = sources.SOURCES["fashion_mnist"]
    reader = type("FashionMNIST", (source.reader,), {"resources": server.resources, "mirrors": [server.url + "/"]})
    monkeypatch.setitem(sources.SOURCES, "fashion_mnist", dataclasses.replace(source, reader=reader))
    yield server
    server.close()


@pytest.fixture
def one_sentence():
    """Checks that a message is one sentence on one line which says all of `parts`."""

    def check(message, *parts):
        assert "\n" not in message
        assert ". " not in message, f"more than one sentence: {message}"
        for part in parts:
            assert str(part) in message, f"{part!r} is not in: {message}"

    return check
