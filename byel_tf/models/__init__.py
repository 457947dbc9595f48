"""Networks, the emotion classifier, and the models of both stages."""
