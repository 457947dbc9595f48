"""The client that docs/export.md shows, against a server of its requests' form."""

import base64
import http.server
import json
import pathlib
import re
import threading

import pytest
import tensorflow as tf

from byel_tf.serving.load import load_export

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "export.md"


@pytest.fixture
def server(export):
    """TensorFlow Serving's rows: an object for each instance, of named inputs."""
    signature = load_export(export).signature

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/models/byel:predict"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            rows = json.loads(body)["instances"]
            inputs = {
                name: tf.constant(
                    [base64.b64decode(row[name]["b64"], validate=True) for row in rows]
                )
                for name in rows[0]
            }
            outputs = {n: v.numpy() for n, v in signature(**inputs).items()}
            outputs["label"] = outputs["label"].astype(str)
            predictions = [
                {name: value[row].tolist() for name, value in outputs.items()}
                for row in range(len(rows))
            ]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"predictions": predictions}).encode())

        def log_message(self, *arguments):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_client_of_the_page(server, images, tmp_path, monkeypatch, capsys):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | 8)
    (client,) = [block for block in blocks if ":8501/" in block]
    (tmp_path / "face.jpg").write_bytes(images[1])
    monkeypatch.chdir(tmp_path)
    exec(client.replace(":8501/", f":{server}/"), {})
    label, *rest = capsys.readouterr().out.split()
    assert label in ("anger", "fear", "happiness")
    assert rest[-1] == "True"
