"""What people read of a hub: the summary in Markdown, and the report page in HTML with its pictures."""
