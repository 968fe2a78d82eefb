"""OpenAPI: all that this service offers over HTTP, as a document for programs and for people."""
