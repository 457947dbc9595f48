import http.server
import json
import socket
import sys

import pytest

from byel_tf.errors import RunError, UsageError
from byel_tf.launching.cluster import reserved_ports, tf_config


def test_tf_config():
    assert json.loads(tf_config([5001, 5007], 1)) == {
        "cluster": {"worker": ["127.0.0.1:5001", "127.0.0.1:5007"]},
        "task": {"type": "worker", "index": 1},
    }


def test_free_ports_differ_and_a_server_can_have_them():
    with reserved_ports(20) as ports, reserved_ports(20) as others:
        assert len({*ports, *others}) == 40 or not sys.platform.startswith("linux")
        for port in ports[:3]:
            server = http.server.HTTPServer(
                ("127.0.0.1", port), http.server.BaseHTTPRequestHandler
            )
            with socket.create_connection(("127.0.0.1", port)):
                pass
            server.server_close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="held on Linux only")
def test_a_port_is_held_until_the_end():
    in_use = pytest.raises(OSError, match="in use")
    with reserved_ports(1) as (port,), socket.socket() as other, in_use:
        other.bind(("127.0.0.1", port))
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


def test_consecutive_ports():
    with reserved_ports(1) as (first,):
        pass
    first = min(first, 65000)
    try:
        with reserved_ports(3, first) as ports:
            assert ports == [first, first + 1, first + 2]
    except RunError as error:  # somebody else's, which the message then names
        assert "cannot be had (address already in use)" in str(error)


@pytest.mark.parametrize("address", ["", "127.0.0.1"])
def test_a_busy_port(address):
    with socket.socket() as busy:
        busy.bind((address, 0))
        busy.listen()
        port = busy.getsockname()[1]
        message = rf"port {port} cannot be had \(address already in use\): choose"
        with pytest.raises(RunError, match=message), reserved_ports(1, port):
            pass


def test_more_ports_than_there_are():
    with pytest.raises(UsageError, match="ports up to 65537, the last one is 65535"):
        reserved_ports(3, 65535).__enter__()
