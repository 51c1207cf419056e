"""What the pages share: the frame, long work, cached stages, forms and views."""
