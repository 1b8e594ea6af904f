"""Vietnamese text: old encodings told by their syllables, and names that are spelt in many ways."""
