"""Access control, cross-site requests, the proxy in front, and security headers."""
