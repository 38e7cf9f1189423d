"""Tables over several hubs: methods of one study in replicates, and which method is ahead of which."""
