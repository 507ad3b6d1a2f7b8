"""The encodings of requests and answers: structs, columns, results, compression."""
