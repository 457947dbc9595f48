"""BYEL in TensorFlow: expression recognition learned from synthetic faces.

Importing the package is cheap on purpose: TensorFlow is imported by the modules
that compute with it, so that flag errors and data tools answer at once.
"""

__version__ = "0.1.0"
