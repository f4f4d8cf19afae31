-- Adds or replaces a record with a unique name.
-- KEYS: records, names, revision. ARGV: 1 id, 2 name as it is compared, 3 expected version or '' for a new one, 4 version, 5 record.
-- Stored: [version, name, record]. A new one's version is whatever the caller wants to keep beside the record.
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if ARGV[3] == '' then
  if stored then
    return 'id'
  end
elseif not stored or cjson.decode(stored)[1] ~= ARGV[3] then
  return 'conflict'
end
local owner = redis.call('HGET', KEYS[2], ARGV[2])
if owner and owner ~= ARGV[1] then
  return 'name'
end
if stored then
  redis.call('HDEL', KEYS[2], cjson.decode(stored)[2])
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({ARGV[4], ARGV[2], ARGV[5]}))
redis.call('INCR', KEYS[3])
return 'done'
