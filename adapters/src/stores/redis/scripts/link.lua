-- Links an identity to a user, who is made if need be; an existing link wins.
-- KEYS: records, ids, names, links. ARGV: 1 identity, 2 user, 3 record, 4 username as it is compared,
--       5 the set of users with the verified address or '', 6 the set of a user's identities begins with this.
local linked = redis.call('HGET', KEYS[4], ARGV[1])
if linked then
  return linked
end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then
  if redis.call('HEXISTS', KEYS[3], ARGV[4]) == 1 then
    return false
  end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  redis.call('ZADD', KEYS[2], 0, ARGV[2])
  redis.call('HSET', KEYS[3], ARGV[4], ARGV[2])
  if ARGV[5] ~= '' then
    redis.call('ZADD', ARGV[5], 0, ARGV[2])
  end
end
redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])
redis.call('SADD', ARGV[6] .. ARGV[2], ARGV[1])
return ARGV[2]
