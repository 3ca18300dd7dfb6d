"""Read and change the file system: paths, volumes, locations, and every call that alters a disk."""
