"""Where ICT-FaceKit's files come from, and how they are known to be the right ones."""

import dataclasses
import gzip
import hashlib
import http.client
import os
import pathlib
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator

from tqdm import tqdm

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.ict_facekit_layout import NEEDED_FILES, read_file

_REPOSITORY = "https://github.com/ICT-VGL/ICT-FaceKit"
_COMMIT = "da5f95a607f5e6b37755b38d3385d7f2853732e5"
_TIMEOUT_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Release:
    """A state of ICT-FaceKit.

    Attributes:
        url: A `.tar.gz` of it, in one folder of any name.
        digest: `content_digest` of it.
        converted: SHA-256 of its head's compact form, as the present code makes it.
    """

    url: str
    digest: str
    converted: str


#: What `ict-facekit` means. GitHub makes the archive anew from time to time, and may
#: then compress it otherwise: only what is in it has a known hash.
PUBLISHED = Release(
    url=f"{_REPOSITORY}/archive/{_COMMIT}.tar.gz",
    digest="be625a1dbe54cd1824bfa08245f765dde4e8a31a259706e770f1ea0e55827956",
    converted="fec0196d04026a2467bc932fe20f4e482be533950f5c0c2f9666e65e63543ef3",
)

_ADVICE = (
    f"clone it where you can (git clone {_REPOSITORY}, in it git checkout {_COMMIT}) "
    "and pass --head=PATH, or use --head=built-in"
)


def content_digest(folder: str | os.PathLike) -> str:
    """The SHA-256 that names the files of a checkout which make a head.

    It is that of a listing as `sha256sum` prints it, of the files sorted by name, with
    the line ends of the repository.

    Args:
        folder: The checkout, which holds `FaceXModel`.

    Raises:
        RunError: If a file is missing or cannot be read.
    """
    listing = hashlib.sha256()
    for name in NEEDED_FILES:
        content = read_file(pathlib.Path(folder, name))
        listing.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return listing.hexdigest()


def fetch(release: Release, folder: str | os.PathLike) -> None:
    """Downloads the files that make a head, and checks them.

    Args:
        release: What to download.
        folder: An empty folder, which becomes like a checkout.

    Raises:
        RunError: If the download fails or brings something else.
    """
    missing = set(NEEDED_FILES)
    for name, content in _members(release.url, frozenset(missing)):
        path = pathlib.Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        missing.discard(name)
    if missing:
        raise RunError(
            f"cannot fetch ICT-FaceKit: what {release.url} sent lacks {len(missing)} "
            f"files, {min(missing)} the first; nothing was kept: try again, or "
            f"{_ADVICE}"
        )
    digest = content_digest(folder)
    if digest != release.digest:
        raise RunError(
            f"what {release.url} sent is not the ICT-FaceKit that is known: its files' "
            f"SHA-256 is {digest}, expected {release.digest}; nothing was kept: "
            f"{_ADVICE}"
        )


def _members(url: str, wanted: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    """Name and content of the wanted files of an archive, while it comes in.

    A member's path only chooses among the wanted names; nothing else is read of it.
    """
    try:
        with (
            urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response,
            tqdm.wrapattr(
                response,
                "read",
                total=response.length,
                desc="fetch ICT-FaceKit",
                disable=None,
            ) as stream,
            # Tarfile's own decompression stumbles over a stream that ends early.
            gzip.open(stream) as decompressed,
            tarfile.open(fileobj=decompressed, mode="r|") as archive,
        ):
            for member in archive:
                name = member.name.partition("/")[2]
                if name in wanted and member.isfile():
                    yield name, archive.extractfile(member).read()
    except (
        OSError,
        EOFError,
        http.client.HTTPException,
        tarfile.TarError,
        zlib.error,
    ) as error:
        # A plain URLError puts its reason between angle brackets.
        reason = error.reason if type(error) is urllib.error.URLError else error
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the response, with an open connection
        told = " ".join(str(reason).split()) or type(error).__name__
        raise RunError(
            f"cannot fetch ICT-FaceKit from {url}: {told}; nothing was kept: try "
            f"again, or {_ADVICE}"
        ) from error
