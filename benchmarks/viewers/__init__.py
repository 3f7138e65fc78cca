"""Opens rewritten models in Model Explorer and in Netron, and takes pictures of both."""
