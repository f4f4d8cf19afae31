-- Links an identity to a user there is; an existing link wins. Answers whom it is linked to, nothing where there is no such user.
-- KEYS: records, ids, names, links, then those of `note`. ARGV: 1 identity, 2 user, 3 the set of a user's identities begins with this.
local linked = redis.call('HGET', KEYS[4], ARGV[1])
if linked then
  return linked
end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then
  return false
end
redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])
redis.call('SADD', ARGV[3] .. ARGV[2], ARGV[1])
note()
return ARGV[2]
