"""A Beam file system for addresses as folder://name, which lie in one folder."""

import os
import pathlib
import shutil

from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.localfilesystem import LocalFileSystem

PREFIX = "folder://"


class FolderFileSystem(LocalFileSystem):
    """Beam's local file system under other names; no path of it opens as a file."""

    root: pathlib.Path

    @classmethod
    def scheme(cls):
        return "folder"

    def _local(self, path):
        # Methods of the base class call one another.
        return str(self.root / path.removeprefix(PREFIX))

    def join(self, basepath, *paths):
        return "/".join([basepath.rstrip("/"), *(path.strip("/") for path in paths)])

    def split(self, path):
        head, _, tail = path.rpartition("/")
        return head, tail

    def mkdirs(self, path):
        os.makedirs(self._local(path), exist_ok=False)

    def has_dirs(self):
        return True

    def _list(self, dir_or_prefix):
        for found in super()._list(self._local(dir_or_prefix)):
            name = os.path.relpath(found.path, self.root)
            yield FileMetadata(
                PREFIX + name, found.size_in_bytes, found.last_updated_in_seconds
            )

    def create(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        return super().create(self._local(path), mime_type, compression_type)

    def open(self, path, mime_type="", compression_type=CompressionTypes.AUTO):
        return super().open(self._local(path), mime_type, compression_type)

    def rename(self, source_file_names, destination_file_names):
        super().rename(
            [self._local(p) for p in source_file_names],
            [self._local(p) for p in destination_file_names],
        )

    def exists(self, path):
        return super().exists(self._local(path))

    def size(self, path):
        return super().size(self._local(path))

    def last_updated(self, path):
        return super().last_updated(self._local(path))

    def checksum(self, path):
        return str(super().size(self._local(path)))

    def metadata(self, path):
        return FileMetadata(path, super().size(self._local(path)))

    def delete(self, paths):
        for path in map(self._local, paths):
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


assert FileSystems.get_filesystem(PREFIX + "a").scheme() == "folder"
