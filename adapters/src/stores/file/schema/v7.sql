-- Format 7: the journal: small records of what happened, for people to read. Nothing else depends on them.

-- last is the number of its last line, which holds when that was written; lines is how many there are.
CREATE TABLE journal_subjects (
  num     INTEGER PRIMARY KEY,
  book    TEXT NOT NULL,
  subject TEXT NOT NULL,
  last    INTEGER NOT NULL,
  lines   INTEGER NOT NULL CHECK (lines >= 0),
  UNIQUE (book, subject)
) STRICT;
CREATE INDEX journal_subjects_by_last ON journal_subjects (book, last, subject);

-- The oldest lines of a subject go when there are too many.
CREATE TABLE journal_lines (
  num    INTEGER NOT NULL REFERENCES journal_subjects (num),
  number INTEGER NOT NULL,
  at     INTEGER NOT NULL,
  body   TEXT NOT NULL,
  PRIMARY KEY (num, number)
) STRICT, WITHOUT ROWID;

-- How many subjects a book has, so that nobody has to count them.
CREATE TABLE journal_books (
  book     TEXT PRIMARY KEY,
  subjects INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
