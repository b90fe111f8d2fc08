"""The app as a person meets it: a real server, the real digits, a real Chromium."""
