"""Export a manifest to formats that other tools read, one module per format."""
