-- Takes an identity away from a user; answers 1 where it was linked to that one.
-- KEYS: records, ids, names, links, then those of `note`. ARGV: 1 identity, 2 user, 3 the set of a user's identities begins with this.
if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('SREM', ARGV[3] .. ARGV[2], ARGV[1])
note()
return 1
