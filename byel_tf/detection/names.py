"""The detectors' names, without what they need."""

#: In the order of preference.
DETECTORS = ("mtcnn", "own", "haar")
