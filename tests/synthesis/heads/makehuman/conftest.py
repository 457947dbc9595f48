"""MakeHuman's data in miniature, and the published data where this machine has them."""

import functools
import http.server
import json
import pathlib
import tarfile
import tempfile
import threading

import numpy as np
import pytest

from byel_tf.synthesis.heads.head import Shape
from byel_tf.synthesis.heads.makehuman import makehuman_head
from byel_tf.synthesis.heads.makehuman.formats import Fit
from byel_tf.synthesis.heads.makehuman.layout import Parts, Worn
from byel_tf.synthesis.heads.makehuman.source import published


@pytest.fixture
def parts():
    """Parts of nothing that looks like a head, with everything that one has."""
    rng = np.random.default_rng(3)

    def shape(count):
        return Shape(
            np.arange(count, dtype=np.int32), rng.normal(size=(count, 3)).astype("f4")
        )

    def worn(points):
        fit = Fit(
            rng.integers(0, 9, (points, 3)).astype(np.int32),
            rng.random((points, 3), np.float32),
            rng.random((points, 3), np.float32),
            np.arange(6, dtype=np.int32).reshape(3, 2),
            np.ones(3, np.float32),
        )
        triangles = np.arange(points, dtype=np.int32).reshape(-1, 3)
        return Worn(fit, triangles, rng.random((points // 3, 3, 2), np.float32))

    return Parts(
        base=rng.normal(size=(9, 3)).astype(np.float32),
        targets={"macrodetails/a": shape(4), "nose/b": shape(0)},
        units={"JawDrop": shape(2)},
        body=np.arange(9, dtype=np.int32),
        regions=np.zeros(9, np.int8),
        triangles=np.arange(9, dtype=np.int32).reshape(3, 3),
        places=rng.random((3, 3, 2), np.float32),
        landmarks=np.zeros(68, np.int32),
        eyes=np.zeros((2, 2), np.int32),
        worn={"hair/long01": worn(6), "tongue": worn(3)},
        pictures={"skins/x": rng.integers(0, 255, (4, 4, 3)).astype(np.uint8)},
    )


class Server:
    """Sends what `files` holds, by path; `sent` counts requests."""

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.sent: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.sent.append(self.path)
                content = outer.files.get(self.path)
                self.send_response(404 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def stop(self):
        """After this, connections are refused."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.stop()


@functools.cache
def _published_folder():
    project = pathlib.Path(__file__).resolve().parents[4]
    archive = project.parent / "shared" / "heads" / "makehuman.tar.xz"
    if not archive.exists():
        return None
    kept = tempfile.TemporaryDirectory()
    folder = pathlib.Path(kept.name)
    needed = {entry.path: entry for entry in published().entries}
    pictures = {
        pathlib.Path(entry.path).name: entry.path
        for entry in published().entries
        if entry.in_lfs
    }
    with tarfile.open(archive) as packed:
        for member in packed:
            path = pathlib.PurePosixPath(member.name)
            # Its pictures are smaller ones, elsewhere.
            small = "textures-512" in path.parts
            goal = pictures.get(path.name) if small else path.as_posix()
            if goal in needed and small == needed[goal].in_lfs and member.isfile():
                target = folder / goal
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(packed.extractfile(member).read())
    return kept, folder


@pytest.fixture(scope="session")
def data_folder():
    """A folder of MakeHuman's data, with smaller pictures than the published ones."""
    found = _published_folder()
    if found is None:
        pytest.skip("MakeHuman's data are not on this machine")
    return found[1]


@pytest.fixture(scope="session")
def people(data_folder, tmp_path_factory):
    """The head of that folder."""
    return makehuman_head(data_folder, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def as_json():
    return lambda value: json.dumps(value).encode()
