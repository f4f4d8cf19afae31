-- Format 5: what apps used of their monthly quotas, as this server counted it.

-- month counts from January of the year 0; batch is what was added last, so that a repeated batch counts once.
CREATE TABLE usage (
  month     INTEGER NOT NULL,
  platform  TEXT NOT NULL,
  app       TEXT NOT NULL,
  api_calls INTEGER NOT NULL CHECK (api_calls >= 0),
  pushes    INTEGER NOT NULL CHECK (pushes >= 0),
  batch     TEXT NOT NULL,
  PRIMARY KEY (month, platform, app)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_of_app ON usage (platform, app, month);
