-- What the store says of itself, and the revision of its settings.
-- KEYS: meta, revision.
local meta = redis.call('HMGET', KEYS[1], 'layout', 'key', 'id')
return {meta[1], meta[2], meta[3], redis.call('GET', KEYS[2])}
