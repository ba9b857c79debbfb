"""One file per version of the schema; a file that was released is never changed."""
