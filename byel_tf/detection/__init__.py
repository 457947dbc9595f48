"""A face detector learned from drawn faces alone, and others behind one interface."""
