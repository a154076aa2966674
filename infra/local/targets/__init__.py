"""Small servers on loopback that are weak on purpose: what a demo scan is pointed at. Everything in them is made up."""
