-- Forgets conversations of a channel in one partition; answers how many rows went, and the ids of conversations and messages
-- that did.
-- KEYS: the channel's conversations. ARGV: beginning of the partition's keys, the channel, conversations and rows at once.
local beginning, channel, rows, gone = ARGV[1], ARGV[2], 0, {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, tonumber(ARGV[3]) - 1)) do
  if rows >= tonumber(ARGV[4]) then
    return {rows, gone}
  end
  gone[#gone + 1] = id
  local conversation = beginning .. 'c:' .. id
  rows = rows + 1 + redis.call('LLEN', beginning .. 'lines:' .. id)
  local known = redis.call('HMGET', conversation, 'user', 'person_key', 'names_key')
  if known[1] then
    redis.call('ZREM', beginning .. 'active:user:' .. known[1], id)
  end
  if known[2] then
    redis.call('ZREM', beginning .. known[2], id)
  end
  if known[3] then
    for _, name in ipairs(redis.call('ZRANGE', beginning .. 'shown:' .. id, 0, -1)) do
      redis.call('HDEL', beginning .. known[3], name)
    end
  end
  redis.call('ZREM', beginning .. 'open', id)
  redis.call('ZREM', beginning .. 'active', id)
  redis.call('UNLINK', conversation, beginning .. 'inbox:' .. id, beginning .. 'lines:' .. id, beginning .. 'shown:' .. id)
  redis.call('ZREM', KEYS[1], id)
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return {rows, gone}
end
for _, number in ipairs(redis.call('ZRANGE', beginning .. 'failures', 0, -1)) do
  local record = beginning .. 'failure:' .. number
  if redis.call('HGET', record, 'channel') == channel then
    redis.call('DEL', record)
    redis.call('ZREM', beginning .. 'failures', number)
  end
end
local messages = beginning .. 'messages:' .. channel
for _, id in ipairs(redis.call('ZRANGE', messages, 0, -1)) do
  redis.call('DEL', beginning .. 'message:' .. id)
  gone[#gone + 1] = id
end
redis.call('DEL', messages)
return {rows, gone}
