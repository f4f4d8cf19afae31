-- Format 2: files of waiting messages, until their turns end (R6). See attachments.rs.

-- cost is what the file counts in the area; whole is 0 while its content is still being written.
-- Numbers are never used again: a piece that comes late must not find somebody else's file.
CREATE TABLE attachments (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation TEXT NOT NULL,
  seq          INTEGER NOT NULL,
  position     INTEGER NOT NULL,
  media_type   TEXT NOT NULL,
  cost         INTEGER NOT NULL,
  whole        INTEGER NOT NULL CHECK (whole IN (0, 1)),
  UNIQUE (conversation, seq, position)
) STRICT;

-- Contents in pieces, each written by itself: a long file must not hold up the messages that come in meanwhile.
CREATE TABLE attachment_pieces (
  attachment INTEGER NOT NULL REFERENCES attachments (id),
  number     INTEGER NOT NULL,
  content    BLOB NOT NULL,
  PRIMARY KEY (attachment, number)
) STRICT;

-- The room that is taken, kept by triggers, because counting it again for each file would walk the table.
CREATE TABLE attachment_room (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  cost INTEGER NOT NULL
) STRICT;
INSERT INTO attachment_room (one, cost) VALUES (1, 0);

CREATE TRIGGER attachments_take_room AFTER INSERT ON attachments BEGIN
  UPDATE attachment_room SET cost = cost + new.cost WHERE one = 1;
END;

CREATE TRIGGER attachments_give_room BEFORE DELETE ON attachments BEGIN
  DELETE FROM attachment_pieces WHERE attachment = old.id;
  UPDATE attachment_room SET cost = cost - old.cost WHERE one = 1;
END;
