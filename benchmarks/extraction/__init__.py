"""Extracts every module of many models, and compares what it computes with the whole model."""
