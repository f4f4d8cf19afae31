-- Appends an entry to a conversation's inbox, if the conversation still stands where it did.
-- KEYS: conversation, inbox, open, active, fence, and what must not be there: a mark, a message's record.
-- ARGV: 1 beginning of the partition's keys, 2 id, 3 expected seq, 4 expected fence, 5 seq, 6 record, 7 now,
--       8 what to do besides (JSON): new (fields of a new conversation), set (fields), person (key), mark (ms), message,
--       retry.
local known = redis.call('HMGET', KEYS[1], 'seq', 'user', 'channel', 'person_key', 'waiting')
local more = cjson.decode(ARGV[8])
if KEYS[6] and redis.call('EXISTS', KEYS[6]) == 1 then
  return {'there'}
end
if (known[1] or '0') ~= ARGV[3] or (redis.call('GET', KEYS[5]) or '0') ~= ARGV[4]
  or (more.waiting and (known[5] or '0') ~= more.waiting) then
  return {'moved'}
end
if more.retry then
  local retried = redis.call('HMGET', more.retry, 'conversation', 'retried_at')
  if not retried[1] then
    return {'gone'}
  end
  if retried[2] then
    return {'before'}
  end
  redis.call('HSET', more.retry, 'retried_at', ARGV[7])
end
local now = ARGV[7]
if not known[1] then
  for field, value in pairs(more.new) do
    redis.call('HSET', KEYS[1], field, value)
  end
  redis.call('HSET', KEYS[1], 'created_at', now, 'version', '0', 'replies', '0', 'waiting', '0')
  known[3] = more.new.channel
end
for field, value in pairs(more.set or {}) do
  redis.call('HSET', KEYS[1], field, value)
end
local beginning, id = ARGV[1], ARGV[2]
redis.call('HSET', KEYS[1], 'seq', ARGV[5], 'active_at', now)
redis.call('HINCRBY', KEYS[1], 'waiting', 1)
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[5] .. '|' .. ARGV[6])
redis.call('ZADD', KEYS[3], 0, id)
redis.call('ZADD', KEYS[4], now, id)
redis.call('ZADD', beginning .. 'active:channel:' .. known[3], now, id)
if known[2] then
  redis.call('ZADD', beginning .. 'active:user:' .. known[2], now, id)
end
local person = (more.set and more.set.person_key) or known[4]
if known[4] and person ~= known[4] then
  redis.call('ZREM', beginning .. known[4], id)
end
if person then
  redis.call('ZADD', beginning .. person, now, id)
end
if more.mark then
  redis.call('SET', KEYS[6], '1', 'PX', more.mark)
end
if more.message then
  redis.call('HSET', KEYS[6], 'conversation', id, 'channel', known[3], 'body', more.message.body, 'ended', '0')
  redis.call('ZADD', beginning .. 'messages:' .. known[3], now, more.message.id)
end
return {'done'}
