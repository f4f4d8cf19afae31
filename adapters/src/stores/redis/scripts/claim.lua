-- Takes or renews one partition's lease.
-- KEYS: lease, fence. ARGV: owner, how long (ms), now (ms) or '' for the server's own clock.
local now = moment(ARGV[3])
local held = redis.call('HMGET', KEYS[1], 'owner', 'token', 'until')
local token
if held[1] == ARGV[1] then
  token = held[2]
elseif held[1] and tonumber(held[3]) > now then
  return false
else
  token = string.format('%.0f', redis.call('INCR', KEYS[2]))
end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', token, 'until', string.format('%.0f', now + tonumber(ARGV[2])))
return token
