"""What all contexts stand on: data, the bus, the directory, the HTTP API, the edge and the alarms."""
