"""The Python rules of this repository: every BUILD file loads them from here."""

# Bazel 4 to 7 have these rules built in. Bazel 8 has not: there, replace the three
# assignments by
#     load("@rules_python//python:py_binary.bzl", _py_binary = "py_binary")
#     load("@rules_python//python:py_library.bzl", _py_library = "py_library")
#     load("@rules_python//python:py_test.bzl", _py_test = "py_test")
_py_binary = native.py_binary
_py_library = native.py_library
_py_test = native.py_test

py_library = _py_library

# Without legacy_create_init = 0, Bazel makes every folder a package, tests included,
# and pytest would then import conftest.py under another name than without Bazel.

def py_binary(name, **attributes):
    """A program. Args: as of Bazel's own rule."""
    _py_binary(name = name, legacy_create_init = 0, **attributes)

def py_test(name, **attributes):
    """A test that is a program. Args: as of Bazel's own rule."""
    _py_test(name = name, legacy_create_init = 0, **attributes)

def pytest_test(name, src, deps = [], data = [], size = "medium"):
    """Runs pytest on one file.

    Args:
      name: Name of the target.
      src: The test file.
      deps: Libraries that the file imports, and those of the conftest.py it uses.
      data: Files that it reads.
      size: Bazel's test size, which sets the time limit: medium is 5 minutes, large
        15, enormous 60.
    """
    py_test(
        name = name,
        size = size,
        srcs = [src, "//bazel:run_pytest.py"],
        main = "//bazel:run_pytest.py",
        args = ["$(rootpath %s)" % src],
        data = data + ["//:pyproject.toml"],
        deps = deps,
    )
