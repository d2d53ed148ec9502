"""Reading files of any form: from their bytes to columns of ISO days and plain numbers."""
