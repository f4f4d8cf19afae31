-- Format 4: failures that can be retried, and messages that nobody asked for.

-- again is what a retry puts into the inbox, null in records of older formats; apart from the body, because it can be long
-- and no list shows it. retried_at is when it did.
ALTER TABLE failures ADD COLUMN again TEXT;
ALTER TABLE failures ADD COLUMN retried_at INTEGER;

-- The last author of a private chat, as the platform's calls name them: whom messages that nobody asked for can go to.
ALTER TABLE conversations ADD COLUMN person TEXT;
CREATE INDEX conversations_of_person ON conversations (channel, person, active_at) WHERE person IS NOT NULL;

-- Messages that nobody asked for; ended is 1 where nothing more will come of them.
CREATE TABLE messages (
  id      TEXT PRIMARY KEY,
  num     INTEGER NOT NULL REFERENCES conversations (num),
  channel TEXT NOT NULL,
  at      INTEGER NOT NULL,
  ended   INTEGER NOT NULL CHECK (ended IN (0, 1)),
  body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX messages_of_channel ON messages (channel, at);
CREATE INDEX messages_of_conversation ON messages (num);
