"""The same manifest in the formats that other people's tools read, one module for each."""
