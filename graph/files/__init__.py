"""Model files and their external data: read whole or refused, written whole or not at all."""
