-- Format 3: failures that can be retried.

-- again is what a retry puts into the inbox, null in records of older formats; apart from the body, because it can be long
-- and no list shows it. retried_at is when it did.
ALTER TABLE failures ADD COLUMN again TEXT;
ALTER TABLE failures ADD COLUMN retried_at INTEGER;
