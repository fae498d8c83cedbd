"""One file of the package at a time, on virtual time and with fakes for its neighbours."""
