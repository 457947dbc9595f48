import gzip
import hashlib
import io
import sys
import tarfile
import zlib

import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.ict_facekit_layout import NEEDED_FILES
from byel_tf.synthesis.heads.ict_facekit_source import (
    PUBLISHED,
    Release,
    content_digest,
    fetch,
)


@pytest.fixture
def folder(tmp_path):
    into = tmp_path / "into"
    into.mkdir()
    return into


def files_of(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def failure(release, folder):
    with pytest.raises(RunError) as caught:
        fetch(release, folder)
    message = str(caught.value)
    assert "\n" not in message
    assert release.url in message
    assert "nothing was kept" in message
    # What to do without a network.
    assert "git clone https://github.com/ICT-VGL/ICT-FaceKit" in message
    assert "git checkout da5f95a607f5e6b37755b38d3385d7f2853732e5" in message
    assert "--head=PATH" in message
    assert "--head=built-in" in message
    return message


def test_the_published_release():
    assert PUBLISHED.url == (
        "https://github.com/ICT-VGL/ICT-FaceKit/archive/"
        "da5f95a607f5e6b37755b38d3385d7f2853732e5.tar.gz"
    )
    assert len(PUBLISHED.digest) == 64


def test_the_digest_is_that_of_a_listing_by_sha256sum(checkout):
    names = [f"FaceXModel/{path.name}" for path in (checkout / "FaceXModel").iterdir()]
    lines = [
        f"{hashlib.sha256((checkout / name).read_bytes()).hexdigest()}  {name}\n"
        for name in sorted(names)
        if "PupilDilate" not in name
    ]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert content_digest(checkout) == expected


def test_the_digest_passes_over_line_ends_and_other_files(checkout):
    expected = content_digest(checkout)
    (checkout / "README.md").write_text("edited")
    for name in NEEDED_FILES[::10]:
        content = (checkout / name).read_bytes()
        (checkout / name).write_bytes(content.replace(b"\n", b"\r\n"))
    assert content_digest(checkout) == expected


def test_the_digest_shows_every_change(checkout):
    seen = {content_digest(checkout)}
    for name in NEEDED_FILES:
        with open(checkout / name, "ab") as file:
            file.write(b" ")
        seen.add(content_digest(checkout))
    first, second = (checkout / name for name in NEEDED_FILES[:2])
    swapped = first.read_bytes(), second.read_bytes()
    second.write_bytes(swapped[0])
    first.write_bytes(swapped[1])
    seen.add(content_digest(checkout))
    assert len(seen) == len(NEEDED_FILES) + 2


def test_the_digest_of_an_incomplete_checkout(checkout):
    (checkout / NEEDED_FILES[3]).unlink()
    with pytest.raises(RunError, match=f"{NEEDED_FILES[3]} is missing"):
        content_digest(checkout)


@pytest.mark.parametrize("says_length", [True, False])
def test_fetch_brings_the_needed_files(checkout, folder, server, pack, says_length):
    server.publish(pack(checkout))
    if not says_length:  # as GitHub does
        server.length = None
    fetch(Release(server.url, content_digest(checkout), ""), folder)
    files = files_of(folder)
    assert set(files) == set(NEEDED_FILES)
    assert all(content == files_of(checkout)[name] for name, content in files.items())


def test_fetch_shows_progress(checkout, folder, server, pack, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    server.publish(pack(checkout))
    release = Release(server.url, content_digest(checkout), "")
    monkeypatch.setattr(sys, "stderr", Terminal())
    fetch(release, folder)
    shown = sys.stderr.getvalue()
    assert "fetch ICT-FaceKit" in shown
    assert "100%" in shown
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    fetch(release, folder)
    assert not sys.stderr.getvalue()


def test_something_else_is_refused(checkout, folder, server, pack):
    server.publish(pack(checkout))
    message = failure(Release(server.url, "0" * 64, ""), folder)
    assert content_digest(checkout) in message
    assert f"expected {'0' * 64}" in message


def test_an_archive_that_lacks_a_file(checkout, folder, server, pack):
    digest = content_digest(checkout)
    (checkout / "FaceXModel/jawOpen.obj").unlink()
    server.publish(pack(checkout))
    message = failure(Release(server.url, digest, ""), folder)
    assert "lacks 1 files, FaceXModel/jawOpen.obj the first" in message


@pytest.mark.parametrize("says_length", [True, False])
def test_an_interrupted_download(checkout, folder, server, pack, says_length):
    release = Release(server.url, content_digest(checkout), "")
    whole = pack(checkout)
    for end in (*range(14), 100, *(int(s * len(whole)) for s in (0.3, 0.7, 0.99))):
        server.publish(whole[:end])
        server.length = len(whole) if says_length else None
        assert "cannot fetch" in failure(release, folder)


def test_a_damaged_download(checkout, folder, server, pack, rng):
    release = Release(server.url, content_digest(checkout), "")
    whole = pack(checkout)
    for position in rng.integers(10, len(whole) - 100, 15):
        server.publish(whole[:position] + b"\xff" * 80 + whole[position + 80 :])
        failure(release, folder)


def test_a_download_damaged_within_a_file(checkout, folder, server, pack):
    long = checkout / NEEDED_FILES[50]
    long.write_bytes(long.read_bytes() * 50)
    archive = gzip.decompress(pack(checkout))
    middle = archive.index(long.read_bytes()) + long.stat().st_size // 2
    stream = zlib.compressobj(wbits=31)
    sound = stream.compress(archive[:middle]) + stream.flush(zlib.Z_FULL_FLUSH)
    server.publish(sound + b"\xff" * 1000)
    message = failure(Release(server.url, content_digest(checkout), ""), folder)
    assert "cannot fetch" in message
    assert "invalid block type" in message


def test_an_answer_that_is_not_http(folder, server):
    server.raw = b"SSH-2.0-OpenSSH_9.6\r\n"
    assert "cannot fetch" in failure(Release(server.url, "0" * 64, ""), folder)


def test_a_page_instead_of_an_archive(checkout, folder, server):
    server.publish(b"<html>Log in to the hotel's network</html>" * 100)
    digest = content_digest(checkout)
    assert "cannot fetch" in failure(Release(server.url, digest, ""), folder)


def test_not_found(folder, server):
    server.status = 404
    assert "HTTP Error 404" in failure(Release(server.url, "0" * 64, ""), folder)


def test_no_network(folder, server):
    server.stop()
    message = failure(Release(server.url, "0" * 64, ""), folder)
    assert "refused" in message
    assert "<" not in message


def test_nothing_else_of_an_archive_is_written(checkout, folder, server, pack):
    def add(archive, name, **attributes):
        member = tarfile.TarInfo(name)
        for attribute, value in attributes.items():
            setattr(member, attribute, value)
        archive.addfile(member, io.BytesIO(b"x" * member.size))

    digest = content_digest(checkout)
    name = NEEDED_FILES[0]
    (checkout / name).unlink()
    bad = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(pack(checkout))) as good,
        tarfile.open(fileobj=bad, mode="w:gz") as archive,
    ):
        for member in good:
            archive.addfile(member, good.extractfile(member))
        add(archive, f"top/{name}", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(archive, "top/../../escaped", size=3)
        add(archive, "/absolute", size=3)
    server.publish(bad.getvalue())
    assert f"lacks 1 files, {name}" in failure(Release(server.url, digest, ""), folder)
    assert set(files_of(folder)) == set(NEEDED_FILES) - {name}
    assert not (folder.parent / "escaped").exists()
