-- Makes a user with its links; an existing link of one of them wins.
-- KEYS: records, ids, names, links, then those of `note`. ARGV: 1 user, 2 record, 3 username as it is compared,
--       4 the set of users with the verified address or '', 5 the set of a user's identities begins with this, then identities, then those of `note`.
-- Answers what became of it, and whom the identities are linked to.
for n = 6, #ARGV - 2 do
  local linked = redis.call('HGET', KEYS[4], ARGV[n])
  if linked then
    return {'done', linked}
  end
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  return {'id', ''}
end
if redis.call('HEXISTS', KEYS[3], ARGV[3]) == 1 then
  return {'username', ''}
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], 0, ARGV[1])
redis.call('HSET', KEYS[3], ARGV[3], ARGV[1])
if ARGV[4] ~= '' then
  redis.call('ZADD', ARGV[4], 0, ARGV[1])
end
for n = 6, #ARGV - 2 do
  redis.call('HSET', KEYS[4], ARGV[n], ARGV[1])
  redis.call('SADD', ARGV[5] .. ARGV[1], ARGV[n])
end
note()
return {'done', ARGV[1]}
