"""Moving whole tables: out to files, in from elsewhere, and over from another system."""
