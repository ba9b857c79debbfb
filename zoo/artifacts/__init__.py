"""Artifacts: files with manifests, golden samples, the gate, the developer bundle."""
