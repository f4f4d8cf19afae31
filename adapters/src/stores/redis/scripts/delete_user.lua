-- Deletes a user and all its links, if its record is still what the caller has read; answers 1 where it did.
-- KEYS: records, ids, names, links, then those of `note`. ARGV: 1 user, 2 record as it was read, 3 username as it is compared,
--       4 the set of users with the verified address or '', 5 the set of a user's identities begins with this.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 0
end
for _, identity in ipairs(redis.call('SMEMBERS', ARGV[5] .. ARGV[1])) do
  redis.call('HDEL', KEYS[4], identity)
end
redis.call('DEL', ARGV[5] .. ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('ZREM', KEYS[2], ARGV[1])
if ARGV[4] ~= '' then
  redis.call('ZREM', ARGV[4], ARGV[1])
end
redis.call('HDEL', KEYS[1], ARGV[1])
note()
return 1
