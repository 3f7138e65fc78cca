"""Read and write model files and their external data. A file is written completely or not at all."""
