"""The review feed in a browser, and the door for platforms that push."""
