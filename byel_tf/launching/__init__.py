"""Several workers on one machine: addresses, devices, output, signals, ends."""
