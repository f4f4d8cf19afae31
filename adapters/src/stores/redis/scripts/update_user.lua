-- Replaces a user's record, if it is still what the caller has read.
-- KEYS: records, ids, names, links, then those of `note`. ARGV: 1 user, 2 record as it was read, 3 new record, 4 username before, 5 username,
--       6 the set of users with the verified address before or '', 7 the same now.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 'conflict'
end
local owner = redis.call('HGET', KEYS[3], ARGV[5])
if owner and owner ~= ARGV[1] then
  return 'username'
end
redis.call('HDEL', KEYS[3], ARGV[4])
redis.call('HSET', KEYS[3], ARGV[5], ARGV[1])
if ARGV[6] ~= '' then
  redis.call('ZREM', ARGV[6], ARGV[1])
end
if ARGV[7] ~= '' then
  redis.call('ZADD', ARGV[7], 0, ARGV[1])
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
note()
return 'done'
