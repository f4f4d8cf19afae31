-- Deletes a record with a unique name; answers 1 where there was one. KEYS: records, names, revision. ARGV: id.
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then
  return 0
end
redis.call('INCR', KEYS[3])
redis.call('HDEL', KEYS[2], cjson.decode(stored)[2])
return redis.call('HDEL', KEYS[1], ARGV[1])
