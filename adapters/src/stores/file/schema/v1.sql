-- Format 1. Never edit a format that was released: add the next one (see schema.rs).

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The greatest fencing token ever given, by partition (R15). Never deleted.
CREATE TABLE fences (
  partition INTEGER PRIMARY KEY,
  token     INTEGER NOT NULL
) STRICT;

-- Deduplication marks (R1), swept by age.
CREATE TABLE marks (
  channel TEXT NOT NULL,
  message TEXT NOT NULL,
  at      INTEGER NOT NULL,
  PRIMARY KEY (channel, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX marks_by_age ON marks (at);

-- One row per conversation: what lists show, and the counters that make it open.
CREATE TABLE conversations (
  num        INTEGER PRIMARY KEY,
  id         TEXT NOT NULL UNIQUE,
  partition  INTEGER NOT NULL,
  channel    TEXT NOT NULL,
  chat       TEXT NOT NULL,
  member     TEXT,
  kind       TEXT NOT NULL CHECK (kind IN ('private', 'group')),
  title      TEXT,
  author     TEXT NOT NULL,
  user       TEXT,
  session    INTEGER,
  session_at INTEGER,
  created_at INTEGER NOT NULL,
  active_at  INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  waiting    INTEGER NOT NULL CHECK (waiting >= 0),
  replies    INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  commit_id  TEXT
) STRICT;
-- The open index: only what is not at rest is in it.
CREATE INDEX conversations_open ON conversations (partition, id) WHERE waiting > 0 OR replies > 0;
CREATE INDEX conversations_by_activity ON conversations (active_at, id);
CREATE INDEX conversations_of_channel ON conversations (channel, active_at, id);
CREATE INDEX conversations_of_user ON conversations (user, active_at, id) WHERE user IS NOT NULL;

-- States apart from the lists: they can be long.
CREATE TABLE states (
  num  INTEGER PRIMARY KEY REFERENCES conversations (num),
  body TEXT NOT NULL
) STRICT;

-- Entries that have not ended.
CREATE TABLE inbox (
  num  INTEGER NOT NULL REFERENCES conversations (num),
  seq  INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (num, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE transcript (
  id      INTEGER PRIMARY KEY,
  num     INTEGER NOT NULL REFERENCES conversations (num),
  session INTEGER NOT NULL,
  text    TEXT NOT NULL,
  body    TEXT NOT NULL
) STRICT;
CREATE INDEX transcript_of_conversation ON transcript (num);
CREATE INDEX transcript_of_session ON transcript (num, session);

-- Numbers are never used again: they are ids outside.
CREATE TABLE failures (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  num  INTEGER NOT NULL REFERENCES conversations (num),
  body TEXT NOT NULL
) STRICT;
CREATE INDEX failures_of_conversation ON failures (num);

-- Names are stored as they are compared: in lower case. The name as written is in the body.
CREATE TABLE channels (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE agents (
  id      TEXT PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  body    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- username and email in lower case; email only where it is verified.
CREATE TABLE users (
  id       TEXT PRIMARY KEY,
  username TEXT NOT NULL UNIQUE,
  email    TEXT,
  body     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_email ON users (email) WHERE email IS NOT NULL;

CREATE TABLE identities (
  platform   TEXT NOT NULL,
  im_user_id TEXT NOT NULL,
  user       TEXT NOT NULL REFERENCES users (id),
  PRIMARY KEY (platform, im_user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_of_user ON identities (user);

CREATE TABLE tokens (
  id   TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL UNIQUE,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
