"""Documents people print: one model of a document, and what writes it as DOCX, PDF and HTML."""
