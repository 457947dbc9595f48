import dataclasses
import hashlib
import re

import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.makehuman.layout import (
    COMMON_FILES,
    DETAILS,
    picture_files,
    worn_files,
)
from byel_tf.synthesis.heads.makehuman.source import (
    Entry,
    Release,
    content_digest,
    fetch,
    published,
    target_names,
)

FILES = {
    "mpfb2/data/base.obj": b"v 0 0 0\nv 1 1 1\n",
    "mpfb2/data/a.target.gz": b"\x1f\x8b\r\n\0",
    "makehuman/rig.json": b"{}\n",
    "makehuman-assets/skin.png": b"\x89PNG\r\n" + bytes(99),
}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 105\n"


@pytest.fixture
def release(server):
    """What the server has."""
    entries = tuple(
        Entry(path, len(content), hashlib.sha256(content).hexdigest(),
              path.endswith(".png"))
        for path, content in sorted(FILES.items())
    )  # fmt: skip
    made = Release(
        entries,
        {
            "mpfb2": ("aa11",),
            "makehuman": ("bb22", "main"),
            "makehuman-assets": ("cc33",),
        },
        plain=server.url + "/raw/{repository}/{commit}/{path}",
        lfs=server.url + "/media/{repository}/{commit}/{path}",
    )
    for entry in entries:
        server.files[made.addresses(entry)[0].removeprefix(server.url)] = FILES[
            entry.path
        ]
    return made


def write(folder, files=FILES):
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder


def test_what_is_fetched_is_what_the_repositories_hold(release, server, tmp_path):
    fetch(release, tmp_path)
    for path, content in FILES.items():
        assert (tmp_path / path).read_bytes() == content
    assert sorted(server.sent) == [
        "/media/makehuman-assets/cc33/skin.png",
        "/raw/makehuman/bb22/rig.json",
        "/raw/mpfb2/aa11/data/a.target.gz",
        "/raw/mpfb2/aa11/data/base.obj",
    ]
    assert content_digest(tmp_path, release) == release.digest


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (POINTER, "the pointer of Git LFS and not its file"),
        (FILES["makehuman-assets/skin.png"][:-1], "only 104 of 105 bytes"),
        (
            FILES["makehuman-assets/skin.png"][:-1] + b"\1",
            "another file than the known",
        ),
        (FILES["makehuman-assets/skin.png"] + b"\0", "another file than the known"),
        (b"", "only 0 of 105 bytes"),
    ],
)
def test_a_file_that_is_another(release, server, tmp_path, content, what):
    server.files["/media/makehuman-assets/cc33/skin.png"] = content
    with pytest.raises(RunError, match=re.escape(what)) as caught:
        fetch(release, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"what {server.url}/media/makehuman-assets/cc33/skin.png")
    assert "nothing was kept: try again, or where there is a network, clone" in message
    assert "pass --head=FOLDER" in message
    assert "\n" not in message


def test_a_file_that_is_not_there(release, server, tmp_path):
    del server.files["/raw/makehuman/bb22/rig.json"]
    with pytest.raises(
        RunError, match=r"rig\.json: HTTP Error 404: Not Found; nothing"
    ):
        fetch(release, tmp_path)


def test_a_later_commit_may_have_what_the_first_has_not(release, server, tmp_path):
    server.files["/raw/makehuman/main/rig.json"] = FILES["makehuman/rig.json"]
    for other in (None, b"another"):
        server.files["/raw/makehuman/bb22/rig.json"] = other
        fetch(release, tmp_path)
        assert content_digest(tmp_path, release) == release.digest


def test_no_network(release, server, tmp_path):
    server.stop()
    with pytest.raises(RunError, match="cannot fetch MakeHuman's data from") as caught:
        fetch(release, tmp_path)
    assert "mpfb2 (aa11), makehuman (bb22 or main)" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_line_ends_of_windows_do_not_count(release, tmp_path):
    write(tmp_path)
    base = tmp_path / "mpfb2/data/base.obj"
    base.write_bytes(base.read_bytes().replace(b"\n", b"\r\n"))
    assert content_digest(tmp_path, release) == release.digest
    # In binary files every byte does.
    target = tmp_path / "mpfb2/data/a.target.gz"
    target.write_bytes(target.read_bytes().replace(b"\r\n", b"\n"))
    assert content_digest(tmp_path, release) != release.digest


def test_the_digest_is_of_every_file(release, tmp_path):
    write(tmp_path)
    for path, content in FILES.items():
        write(tmp_path, {path: content + b"!"})
        assert content_digest(tmp_path, release) != release.digest
        write(tmp_path, {path: content})
    assert content_digest(tmp_path, release) == release.digest


def test_a_folder_that_lacks_a_file_or_has_a_pointer(release, tmp_path):
    write(tmp_path)
    skin = tmp_path / "makehuman-assets/skin.png"
    skin.write_bytes(POINTER)
    with pytest.raises(RunError, match="is a pointer of Git LFS: run git lfs pull"):
        content_digest(tmp_path, release)
    skin.unlink()
    with pytest.raises(RunError, match=r"skin\.png is missing: expected MakeHuman's"):
        content_digest(tmp_path, release)
    skin.mkdir()
    with pytest.raises(RunError, match="cannot be read"):
        content_digest(tmp_path, release)


def test_the_published_files():
    release = published()
    paths = [entry.path for entry in release.entries]
    assert paths == sorted(set(paths))
    assert all(re.fullmatch("[0-9a-f]{64}", entry.sha256) for entry in release.entries)
    assert all(re.fullmatch("[0-9a-f]{40}", c[0]) for c in release.commits.values())
    assert {entry.path for entry in release.entries if entry.in_lfs} == set(
        picture_files().values()
    )
    stems = worn_files().values()
    needed = {
        *COMMON_FILES,
        *(f"{s}.obj" for s in stems),
        *(f"{s}.mhclo" for s in stems),
    }
    assert needed <= set(paths)
    targets = target_names(release.entries)
    assert len(paths) == len(needed) + len(picture_files()) + len(targets)
    folders = {name.partition("/")[0] for name in targets}
    assert folders == {"macrodetails", "expression", *DETAILS}
    size = sum(entry.size for entry in release.entries)
    assert 125e6 < size < 135e6
    digest = "3fc329547d47c610b51b8524950a75c0acef043f12c46eb5fb45a459c9d14eca"
    assert release.digest == digest
    changed = dataclasses.replace(release, entries=release.entries[1:])
    assert changed.digest != digest


def test_the_addresses_of_published_files():
    release = published()
    by_path = {entry.path: release.addresses(entry)[0] for entry in release.entries}
    commits = release.commits
    assert by_path["mpfb2/src/mpfb/data/3dobjs/base.obj"] == (
        "https://raw.githubusercontent.com/makehumancommunity/mpfb2/"
        f"{commits['mpfb2'][0]}/src/mpfb/data/3dobjs/base.obj"
    )
    assert by_path["makehuman-assets/base/hair/long01/long01_diffuse.png"] == (
        "https://media.githubusercontent.com/media/makehumancommunity/makehuman-assets/"
        f"{commits['makehuman-assets'][0]}/base/hair/long01/long01_diffuse.png"
    )
