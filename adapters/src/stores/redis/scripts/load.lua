-- Reads a conversation and its entries. KEYS: lease, conversation, inbox. ARGV: owner, token, after, how many, the lease's server
-- or ''.
local lease = redis.call('HMGET', KEYS[1], 'owner', 'token')
if lease[1] ~= ARGV[1] or lease[2] ~= ARGV[2] then
  return {'fenced'}
end
if is_elsewhere(ARGV[5]) then
  return {'elsewhere'}
end
local found = redis.call('HMGET', KEYS[2], 'channel', 'chat', 'member', 'version', 'state', 'seq')
if not found[1] then
  return {'none'}
end
local entries = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[3], '+inf', 'LIMIT', 0, ARGV[4])
return {'found', found[1], found[2], found[3], found[4], found[5], found[6], entries}
