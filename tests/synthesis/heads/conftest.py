"""A checkout of ICT-FaceKit in miniature, and a server for its archive."""

import http.server
import io
import json
import shutil
import tarfile
import threading

import numpy as np
import pytest

from byel_tf.synthesis.action_units import SHAPES
from byel_tf.synthesis.heads.ict_facekit_layout import Layout

# Two vertices after each eye belong to no region.
RANGES = ((0, 80), (80, 90), (90, 96), (96, 102), (102, 106), (106, 110), (110, 114),
          (116, 120), (122, 126))  # fmt: skip
COUNT = 126
POLYGONS = (
    (0, 1, 2, 3),
    (4, 5, 6),
    (80, 81, 82, 83),
    (78, 79, 81, 80),  # face and scalp
    (90, 91, 92, 93),
    (10, 11, 90, 91),  # face and mouth socket
    (10, 94, 12),
    (96, 97, 98),
    (10, 20, 96),  # face and eye socket
    (102, 103, 104, 105),
    (106, 107, 108),
    (110, 111, 112),
    (116, 117, 118),
    (122, 123, 124, 125),
    (114, 115, 120, 121),  # left out
)
LANDMARKS = tuple(range(68, 0, -1))


@pytest.fixture
def layout():
    return Layout(COUNT, RANGES)


def _obj(vertices):
    lines = ["# a comment", "mtllib some.mtl"]
    lines += ["v " + " ".join(f"{x:.7g}" for x in vertex) for vertex in vertices]
    lines += [f"vt {i / COUNT:.4f} 0.5" for i in range(COUNT)]
    lines += ["vn 0 0 1", "usemtl M_Face"]
    lines += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in p) for p in POLYGONS]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def _miniature(tmp_path_factory):
    rng = np.random.default_rng(7)
    folder = tmp_path_factory.mktemp("miniature")
    model = folder / "FaceXModel"
    model.mkdir()
    neutral = rng.normal(0, 5, (COUNT, 3)).round(4)
    (model / "generic_neutral_mesh.obj").write_text(_obj(neutral))
    for i in range(100):
        moved = neutral + rng.normal(0, 0.5, (COUNT, 3))
        (model / f"identity{i:03d}.obj").write_text(_obj(moved))
    for shape in SHAPES:
        # The first third stays, the second moves too little to count.
        sizes = np.repeat([0, 2e-4, 0.5], COUNT // 3)[:, None]
        moved = neutral + sizes * rng.choice([-1, 1], (COUNT, 3))
        (model / f"{shape}.obj").write_text(_obj(moved))
    indices = {"expressions": list(SHAPES), "idx_to_landmark_verts": LANDMARKS}
    (model / "vertex_indices.json").write_text(json.dumps(indices))
    (model / "PupilDilate_L.obj").write_text("not needed")
    return folder


@pytest.fixture
def checkout(_miniature, tmp_path):
    """The folder of a small checkout, which a test may damage."""
    folder = shutil.copytree(_miniature, tmp_path / "checkout")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)  # pytest would keep it


@pytest.fixture
def pack():
    """Packs a folder as GitHub does: everything inside one folder."""

    def to_bytes(folder):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            archive.add(folder, "ICT-FaceKit-0123abc")
        return buffer.getvalue()

    return to_bytes


class Server:
    """Answers every request with `body`, said to have `length` bytes, or with `raw`."""

    def __init__(self):
        self.body = b""
        self.status = 200
        self.length = None
        self.raw = None
        self.requests = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests += 1
                if outer.raw is not None:
                    self.wfile.write(outer.raw)
                    return
                self.send_response(outer.status)
                if outer.length is not None:
                    self.send_header("Content-Length", str(outer.length))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/archive.tar.gz"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def publish(self, body):
        self.body, self.length = body, len(body)

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
