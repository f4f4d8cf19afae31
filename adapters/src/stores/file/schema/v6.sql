-- Format 6: records of users count their changes (format 2 of the record, which reads format 1 too), and who was mapped how
-- is written down.

-- Numbers are never used again: they are the order. The oldest rows go when there are too many.
CREATE TABLE audit (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  body TEXT NOT NULL
) STRICT;
