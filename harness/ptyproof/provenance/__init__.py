"""Where results come from: environment, revision, and text without private names."""
