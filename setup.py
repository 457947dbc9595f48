"""What pyproject.toml cannot say: the flagfiles are installed in the package."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["byel_tf", "byel_tf.*"]), "byel_tf.flags"],
    package_dir={"byel_tf.flags": "flags"},
)
