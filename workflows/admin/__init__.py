"""The web interface. `registration` names the modules that have pages."""
