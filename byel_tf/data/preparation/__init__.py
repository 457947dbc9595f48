"""From a source's images to a data set: in steps that can be broken off anywhere."""
