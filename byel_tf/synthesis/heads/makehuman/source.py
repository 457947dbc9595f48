"""Where MakeHuman's data come from, and how they are known to be the right ones."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import http.client
import importlib.resources
import os
import pathlib
import urllib.error
import urllib.request
from collections.abc import Iterable

from tqdm import tqdm

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.makehuman.layout import MPFB

_OWNER = "makehumancommunity"
_TIMEOUT_SECONDS = 60
# Files that come at the same time.
_CONNECTIONS = 8
#: How a file begins that stands for one of Git LFS.
POINTER = b"version https://git-lfs"
_BINARY = (".gz", ".png")


@dataclasses.dataclass(frozen=True)
class Entry:
    """One needed file.

    Attributes:
        path: From the folder that holds the three repositories.
        size: Bytes.
        sha256: Of its content; of a file of Git LFS, as its pointer names it.
        in_lfs: Whether the repository holds a pointer to it.
    """

    path: str
    size: int
    sha256: str
    in_lfs: bool


@dataclasses.dataclass(frozen=True)
class Release:
    """A state of MakeHuman's data.

    Attributes:
        entries: The files that make a head, by path.
        commits: The commits of each repository, by its folder's name. The later ones,
            or a branch, are asked where the first has no such file, or another.
        plain: Address of a file: {repository}, {commit} and {path} stand for its own.
        lfs: The same of one in Git LFS.
    """

    entries: tuple[Entry, ...]
    commits: dict[str, tuple[str, ...]]
    plain: str
    lfs: str

    @functools.cached_property
    def digest(self) -> str:
        """`content_digest` of it."""
        return _digest((entry.sha256, entry.path) for entry in self.entries)

    def addresses(self, entry: Entry) -> list[str]:
        """Where a file is fetched from, in turn."""
        repository, _, path = entry.path.partition("/")
        form = self.lfs if entry.in_lfs else self.plain
        return [
            form.format(repository=repository, commit=commit, path=path)
            for commit in self.commits[repository]
        ]


@functools.cache
def published() -> Release:
    """What `makehuman` means."""
    text = (importlib.resources.files(__package__) / "files.txt").read_text("ascii")
    entries = []
    for line in text.splitlines():
        sha256, size, kind, path = line.split()
        entries.append(Entry(path, int(size), sha256, kind == "lfs"))
    return Release(
        entries=tuple(entries),
        commits={
            "mpfb2": ("80919fa4682335c41847f761a4d79dcad4124732",),
            "makehuman": ("2db79a4e7326eb43eff1bd5e4e66f12b21065ba1", "master"),
            "makehuman-assets": ("8cf9645b975a98eea056b140df11a1d278da0d10",),
        },
        plain=f"https://raw.githubusercontent.com/{_OWNER}/{{repository}}/{{commit}}/"
        "{path}",
        lfs=f"https://media.githubusercontent.com/media/{_OWNER}/{{repository}}/"
        "{commit}/{path}",
    )


def target_names(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The targets among files, as `read_parts` takes them."""
    start, end = f"{MPFB}/targets/", ".target.gz"
    return tuple(
        entry.path[len(start) : -len(end)]
        for entry in entries
        if entry.path.startswith(start)
    )


def advice(release: Release) -> str:
    """What somebody can do who has no network here."""
    clones = ", ".join(
        f"{name} ({' or '.join(commit[:12] for commit in commits)})"
        for name, commits in release.commits.items()
    )
    return (
        f"where there is a network, clone https://github.com/{_OWNER}'s {clones} with "
        "Git LFS into one folder, bring it here and pass --head=FOLDER, or use "
        "--head=built-in"
    )


def content_digest(folder: str | os.PathLike, release: Release) -> str:
    """The SHA-256 that names the files of a folder which make a head.

    It is that of a listing as `sha256sum` prints it, with the line ends of the
    repositories, since Git may write others on Windows.

    Raises:
        RunError: If a file is missing or cannot be read.
    """

    def listed(entry: Entry) -> tuple[str, str]:
        path = pathlib.Path(folder, entry.path)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise RunError(
                f"{path} is missing: expected MakeHuman's data whole; {advice(release)}"
            ) from error
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        if not entry.path.endswith(_BINARY):
            content = content.replace(b"\r\n", b"\n")
        elif content.startswith(POINTER):
            raise RunError(
                f"{path} is a pointer of Git LFS: run git lfs pull in its repository"
            )
        return hashlib.sha256(content).hexdigest(), entry.path

    return _digest(map(listed, release.entries))


def _digest(listed: Iterable[tuple[str, str]]) -> str:
    listing = hashlib.sha256()
    for sha256, path in listed:
        listing.update(f"{sha256}  {path}\n".encode())
    return listing.hexdigest()


def fetch(release: Release, folder: str | os.PathLike) -> None:
    """Downloads the files that make a head, and checks each.

    Args:
        release: What to download.
        folder: An empty folder, which becomes like one with the three repositories.

    Raises:
        RunError: If the download fails or brings something else.
    """
    total = sum(entry.size for entry in release.entries)
    with (
        tqdm(total=total, desc="fetch MakeHuman", unit="B", unit_scale=True,
             disable=None) as bar,
        concurrent.futures.ThreadPoolExecutor(_CONNECTIONS) as pool,
    ):  # fmt: skip
        waiting = [pool.submit(_fetch_one, release, entry) for entry in release.entries]
        try:
            for entry, done in zip(release.entries, waiting, strict=True):
                path = pathlib.Path(folder, entry.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(done.result())
                bar.update(entry.size)
        finally:
            for other in waiting:
                other.cancel()


def _fetch_one(release: Release, entry: Entry) -> bytes:
    *others, last = release.addresses(entry)
    for url in others:
        with contextlib.suppress(RunError):
            return _fetch_from(url, release, entry)
    return _fetch_from(last, release, entry)


def _fetch_from(url: str, release: Release, entry: Entry) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
            content = response.read(entry.size + 1)
    except (OSError, http.client.HTTPException) as error:
        # A plain URLError puts its reason between angle brackets.
        reason = error.reason if type(error) is urllib.error.URLError else error
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the response, with an open connection
        told = " ".join(str(reason).split()) or type(error).__name__
        raise RunError(
            f"cannot fetch MakeHuman's data from {url}: {told}; nothing was kept: try "
            f"again, or {advice(release)}"
        ) from error
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        what = "another file than the known one"
        if content.startswith(POINTER):
            what = "the pointer of Git LFS and not its file"
        elif len(content) < entry.size:
            what = f"only {len(content)} of {entry.size} bytes"
        raise RunError(
            f"what {url} sent is {what} (SHA-256 {entry.sha256}); nothing was kept: "
            f"try again, or {advice(release)}"
        )
    return content
