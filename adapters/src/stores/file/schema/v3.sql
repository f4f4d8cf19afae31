-- Format 3: what platforms call the messages that show answers, so that a quoted one is recognised.

-- seq is the inbox entry that is answered; names of a conversation's older entries are deleted with newer ones.
CREATE TABLE shown (
  key TEXT NOT NULL,
  num INTEGER NOT NULL REFERENCES conversations (num),
  seq INTEGER NOT NULL,
  PRIMARY KEY (key, num)
) STRICT, WITHOUT ROWID;
CREATE INDEX shown_of_conversation ON shown (num, seq);
