"""Read handwritten digits: the data, the network, and training on one device, several, or several machines."""
