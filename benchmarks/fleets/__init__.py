"""Tag thousands of files by processes, by a cluster, and from an object store, while something is killed."""
