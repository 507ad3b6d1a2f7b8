"""The contract of the HTTP interface: a msgspec struct for every request and every answer.

The structs are grouped by the noun that they describe. Decoding, the OpenAPI description and the types of the client
are derived from them.
"""
