"""Where pictures come from: files in their original formats, and a cache filled from the network."""
