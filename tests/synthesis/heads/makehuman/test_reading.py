import gzip
import os
import shutil

import pytest

from byel_tf.errors import RunError
from byel_tf.synthesis.heads.makehuman.layout import MESH_FILE, MPFB, worn_files
from byel_tf.synthesis.heads.makehuman.reading import read_parts
from byel_tf.synthesis.heads.makehuman.source import published, target_names

SMALL = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\ng body\nf 1/1 2/1 3/1\n"


def test_another_mesh(tmp_path):
    with pytest.raises(RunError, match=r"base\.obj is missing: expected MakeHuman's"):
        read_parts(tmp_path, ())
    mesh = tmp_path / MESH_FILE
    mesh.parent.mkdir(parents=True)
    mesh.write_bytes(SMALL)
    with pytest.raises(RunError, match=r"base\.obj has 3 vertices: expected 19158"):
        read_parts(tmp_path, ())


@pytest.fixture
def damage(data_folder, tmp_path):
    """A folder whose files are the published ones, but for one."""

    def made(path, content):
        folder = tmp_path / "data"
        shutil.copytree(data_folder, folder, copy_function=os.symlink)
        (folder / path).unlink()
        (folder / path).write_bytes(content)
        return folder

    return made


def test_a_target_of_another_mesh(damage):
    name = "nose/nose-hump-incr"
    content = gzip.compress(b"19158 .1 0 0\n")
    folder = damage(f"{MPFB}/targets/{name}.target.gz", content)
    with pytest.raises(RunError, match=f"{name} moves a vertex that is not there"):
        read_parts(folder, target_names(published().entries))


def test_hair_that_does_not_belong_to_its_mesh(damage):
    stem = worn_files()["hair/short01"]
    folder = damage(f"{stem}.obj", SMALL)
    with pytest.raises(RunError, match=r"short01\.mhclo does not belong to its \.obj"):
        read_parts(folder, ("nose/nose-hump-incr",))
