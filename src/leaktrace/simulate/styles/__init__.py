"""One file per way a message to the abuse mailbox comes about."""
