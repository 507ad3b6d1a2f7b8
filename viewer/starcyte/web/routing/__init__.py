"""The declaration of routes, and their OpenAPI description."""
