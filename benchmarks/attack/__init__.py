"""Attacks on hpass: what it promises must hold under them."""
