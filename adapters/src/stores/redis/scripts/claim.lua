-- Takes or renews one partition's lease.
-- KEYS: lease, fence. ARGV: owner, how long (ms), now (ms) or '' for the server's own clock.
local now = moment(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'owner', 'token', 'until', 'ttl')
local token
if held[1] == ARGV[1] then
  token = held[2]
elseif held[1] and tonumber(held[3]) > now then
  local span = tonumber(held[4] or ARGV[2])
  if is_stale(tonumber(held[3]), now, span) then
    redis.call('HSET', KEYS[1], 'until', written(now + span))
  end
  return false
else
  token = written(redis.call('INCR', KEYS[2]))
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', token, 'until', written(now + tonumber(ARGV[2])))
if ARGV[2] ~= '0' then
  redis.call('HSET', KEYS[1], 'ttl', ARGV[2])
end
return {token, server()}
