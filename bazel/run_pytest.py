"""Runs pytest on one test file, as `bazel test` asks for it."""

import os
import sys

import pytest


def main(arguments: list[str]) -> int:
    """Runs pytest in the folder of the files that the target declares.

    Args:
      arguments: The test file, relative to the checkout, and options of pytest.

    Returns:
      pytest's exit code.
    """
    scratch = os.environ["TEST_TMPDIR"]
    # Bazel passes no home; Keras, matplotlib and hypothesis write to theirs.
    os.environ.setdefault("HOME", scratch)
    os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", f"{scratch}/hypothesis")
    root = os.path.join(os.environ["TEST_SRCDIR"], os.environ["TEST_WORKSPACE"])
    options = [
        f"--config-file={root}/pyproject.toml",
        f"--rootdir={root}",
        f"--basetemp={scratch}/pytest",
        # The project's own options spread tests over processes; Bazel does that.
        "--override-ini=addopts=",
        "--import-mode=importlib",
        "-ra",
        "-p",
        "no:cacheprovider",
    ]
    if "XML_OUTPUT_FILE" in os.environ:
        options.append(f"--junitxml={os.environ['XML_OUTPUT_FILE']}")
    if "TESTBRIDGE_TEST_ONLY" in os.environ:  # bazel test --test_filter=
        options += ["-k", os.environ["TESTBRIDGE_TEST_ONLY"]]
    return pytest.main([*options, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
