"""Media types of the answers."""

BINARY = "application/vnd.starcyte.columns"
JSON = "application/json"
CSV = "text/csv"
SVG = "image/svg+xml"
PNG = "image/png"
TEXT = "text/plain"
TSV = "text/tab-separated-values"
HDF5 = "application/x-hdf5"

#: The forms of columns
COLUMNS = (JSON, BINARY, CSV)

#: The header of every request that changes something. A page of another site, or of another port, cannot send it unless
#: this server allows that to the browser that asks first, which it never does.
CLIENT = "X-Starcyte-Client"
