"""The model computed the plain way, step by step with dense matrices."""
