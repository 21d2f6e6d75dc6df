"""A day in the life of a wallet's community: one simulator per platform on a real socket, and its script."""
