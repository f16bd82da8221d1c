"""How graphs are read off networks of other designs: a class for each kind of layer, and the list that is tried."""
