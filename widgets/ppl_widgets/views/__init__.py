"""The pictures of panels that draw, one file a question: `stage`, `frame` and `texts` of each."""
